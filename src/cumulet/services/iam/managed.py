"""The policies that AWS itself publishes: data, read at the first need.

Documents are AWS's own, as its AWS Managed Policy Reference Guide lists them. Ids are AWS's where they are known and
otherwise derived from the name.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import orjson

from cumulet.base.types import Json

PREFIX = "arn:aws:iam::aws:policy"
_FILE = Path(__file__).with_name("managed_policies.json")


@lru_cache(1)
def catalog() -> dict[str, Json]:
    """Every AWS managed policy by its ARN, in the order of names, in the shape of a customer's policy record."""
    found = {}
    for entry in sorted(orjson.loads(_FILE.read_bytes()), key=lambda entry: str(entry["name"]).lower()):
        record = {
            "name": entry["name"],
            "id": entry.get("id") or _derived(entry["name"]),
            "path": entry["path"],
            "default": int(entry["version"][1:]),
            "created": datetime.fromisoformat(entry["created"]).timestamp(),
            "updated": datetime.fromisoformat(entry["updated"]).timestamp(),
            "document": orjson.dumps(entry["document"], option=orjson.OPT_INDENT_2).decode(),
        }
        found[f"{PREFIX}{entry['path']}{entry['name']}"] = record
    return found


def _derived(name: str) -> str:
    return "ANPA" + base64.b32encode(hashlib.sha256(name.encode()).digest())[:17].decode()
