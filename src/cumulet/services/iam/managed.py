"""The policies that AWS itself publishes: data, read at the first need, documents one by one.

Documents are AWS's own; `tools/make_managed_policies.py` wrote the files and says what of. Ids are AWS's where they are
known and otherwise derived from the name.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import orjson

from cumulet.base.types import Json

PREFIX = "arn:aws:iam::aws:policy"
_DATA = Path(__file__).with_name("data")

_IDS = {
    "AdministratorAccess": "ANPAIWMBCKSKIEE64ZLYK",
    "AmazonDynamoDBFullAccess": "ANPAINUGF2JSOSUY76KYA",
    "AmazonS3FullAccess": "ANPAIFIR6V6BVTRAHWINE",
    "AmazonS3ReadOnlyAccess": "ANPAIZTJ4DXE7G6AGAE6M",
    "AWSLambdaBasicExecutionRole": "ANPAJNCQGXC42545SKXIK",
    "ReadOnlyAccess": "ANPAILL3HVNFSB6DCOWYQ",
}


@lru_cache(1)
def catalog() -> dict[str, Json]:
    """Every AWS managed policy by its ARN, in the order of names, in the shape of a customer's policy record.

    `place` says where its document lies.
    """
    found = {}
    for name, path, version, created, updated, offset, length in orjson.loads(
        (_DATA / "managed_policies.json").read_bytes()
    ):
        found[f"{PREFIX}{path}{name}"] = {
            "name": name,
            "id": _IDS.get(name) or _derived(name),
            "path": path,
            "default": version,
            "created": _seconds(created),
            "updated": _seconds(updated),
            "place": (offset, length),
        }
    return found


def document(arn: str) -> str:
    """The text of a policy of the catalog."""
    offset, length = catalog()[arn]["place"]
    words, documents = _packed()
    unpacker = zlib.decompressobj(zdict=words)
    text = unpacker.decompress(documents[offset : offset + length]) + unpacker.flush()
    return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()


@lru_cache(1)
def _packed() -> tuple[bytes, bytes]:
    words = zlib.decompress((_DATA / "managed_policies.words").read_bytes())
    return words, (_DATA / "managed_policies.documents").read_bytes()


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


def _derived(name: str) -> str:
    return "ANPA" + base64.b32encode(hashlib.sha256(name.encode()).digest())[:17].decode()
