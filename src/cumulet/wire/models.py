"""Service models: botocore's data files, read without botocore's code, stripped to what a wire needs, and cached.

Importing `botocore.model` costs 245 ms and 24 MB, so only the folder is used. What is stripped (documentation,
examples, endpoint rules) is nine tenths of a model. A cached file carries the digest of its content and is ignored unless
it is whole, ours, and made by this stripper from this botocore.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
import sys
from contextlib import suppress
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

_FORMAT = "1"
_DIGEST = 64  # hexadecimal characters of the content's BLAKE2b-256 that a cached file starts with

_METADATA = frozenset(
    [
        "apiVersion",
        "awsQueryCompatible",
        "endpointPrefix",
        "globalEndpoint",
        "jsonVersion",
        "protocol",
        "protocols",
        "serviceId",
        "signingName",
        "targetPrefix",
        "xmlNamespace",
    ]
)
_OPERATION = frozenset(
    ["http", "input", "output", "errors", "deprecated", "httpChecksum", "unsignedPayload", "authtype", "endpoint"]
)
_REFERENCE = frozenset(["shape", "locationName", "xmlNamespace", "resultWrapper"])
_SHAPE = frozenset(
    [
        "type",
        "required",
        "enum",
        "min",
        "max",
        "pattern",
        "payload",
        "locationName",
        "flattened",
        "exception",
        "error",
        "fault",
        "streaming",
        "eventstream",
        "event",
        "timestampFormat",
        "xmlNamespace",
        "document",
        "union",
        "sensitive",
    ]
)
_MEMBER = frozenset(
    [
        "shape",
        "location",
        "locationName",
        "queryName",
        "xmlNamespace",
        "flattened",
        "streaming",
        "xmlAttribute",
        "jsonvalue",
        "eventpayload",
        "eventheader",
        "hostLabel",
        "idempotencyToken",
    ]
)


class Model:
    """A service's API: `metadata`, `operations` and `shapes` as in `service-2.json`, less what no wire needs."""

    __slots__ = ("metadata", "operations", "service", "shapes")

    def __init__(self, service: str, raw: dict[str, Any]) -> None:
        self.service = service
        self.metadata: dict[str, Any] = raw["metadata"]
        self.operations: dict[str, Any] = raw["operations"]
        self.shapes: dict[str, Any] = raw["shapes"]


class _Settings:
    """Where stripped models are kept; None where no folder was given: then the user's cache folder."""

    folder: Path | None = None


def configure(folder: Path | None) -> None:
    """Keep stripped models in `folder` (None: `$XDG_CACHE_HOME/cumulet`, else `~/.cache/cumulet`)."""
    _Settings.folder = folder


@lru_cache(None)
def load(service: str) -> Model:
    """The model of a service by botocore's folder name (`s3`, `cognito-idp`). Raises KeyError for an unknown one."""
    cached = _cache_folder() / f"{service}-{_version()}-{_FORMAT}.json"
    raw = _read_cache(cached)
    if raw is None:
        raw = strip(orjson.loads(read(service)))
        _write_cache(cached, orjson.dumps(raw))
    return Model(service, raw)


def read(service: str) -> bytes:
    """The newest `service-2.json` of a service as botocore ships it. Raises KeyError for an unknown service."""
    folder = _botocore() / "data" / service
    if not re.fullmatch(r"[a-z0-9-]+", service) or not folder.is_dir():
        raise KeyError(service)
    for version in sorted((entry for entry in folder.iterdir() if entry.is_dir()), reverse=True):
        plain = version / "service-2.json"
        if plain.exists():
            return plain.read_bytes()
        packed = version / "service-2.json.gz"
        if packed.exists():
            return gzip.decompress(packed.read_bytes())
    raise KeyError(service)


def strip(raw: dict[str, Any]) -> dict[str, Any]:
    """A model with only the keys that the compiler, the claims and the checks use."""
    return {
        "metadata": _pick(raw["metadata"], _METADATA),
        "operations": {name: _operation(operation) for name, operation in raw["operations"].items()},
        "shapes": {name: _shape(shape) for name, shape in raw["shapes"].items()},
    }


def _pick(source: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key in wanted}


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    kept = _pick(operation, _OPERATION)
    for side in ("input", "output"):
        if side in kept:
            kept[side] = _pick(kept[side], _REFERENCE)
    if "errors" in kept:
        kept["errors"] = [error["shape"] for error in kept["errors"]]
    return kept


def _shape(shape: dict[str, Any]) -> dict[str, Any]:
    kept = _pick(shape, _SHAPE)
    if "members" in shape:
        kept["members"] = {name: _pick(member, _MEMBER) for name, member in shape["members"].items()}
    for part in ("member", "key", "value"):
        if part in shape:
            kept[part] = _pick(shape[part], _MEMBER)
    return kept


@cache
def _botocore() -> Path:
    spec = find_spec("botocore")
    if spec is None or spec.origin is None:
        raise RuntimeError("botocore is not installed: its data files are the models of every AWS API")
    return Path(spec.origin).parent


@cache
def _version() -> str:
    source = (_botocore() / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r"^__version__ = ['\"]([\w.+-]+)['\"]", source, re.MULTILINE)
    return found[1] if found else hashlib.blake2b(source.encode(), digest_size=8).hexdigest()


def _cache_folder() -> Path:
    if _Settings.folder is not None:
        return _Settings.folder / "models"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "cumulet" / "models"


def _read_cache(path: Path) -> dict[str, Any] | None:
    """The model in a cached file, None unless nobody else can have written it and it is what was written."""
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            if sys.platform != "win32" and (info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
                return None
            content = file.read()
    except OSError:
        return None
    body = content[_DIGEST:]
    if content[:_DIGEST] != hashlib.blake2b(body, digest_size=_DIGEST // 2).hexdigest().encode():
        return None
    try:
        raw: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return raw


def _write_cache(path: Path, body: bytes) -> None:
    """Best effort: a read-only or full disk only means that the next start strips again."""
    part = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(hashlib.blake2b(body, digest_size=_DIGEST // 2).hexdigest().encode() + body)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink(missing_ok=True)
