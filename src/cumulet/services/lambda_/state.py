"""Lambda's records and their keys. No other file of this service touches the store.

A function's name leads to its head, which holds an opaque id; its versions (0 is $LATEST), policies, aliases to come and dead letters
lie under that id, so that deleting a function drops the name and clears one range. Names of layers work alike. Code packages are global
and addressed by their SHA-256: who publishes the same zip twice keeps one blob.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from zlib import crc32

from cumulet.auth.policy.parse import Policy, load
from cumulet.base.types import Json
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

from .names import LATEST, Place

SERVICE = "lambda"
_CODE = keys.space("", "", SERVICE) + keys.pack("code")
_SECRET = keys.space("", "", SERVICE) + keys.pack("secret")


@dataclass(frozen=True, slots=True)
class Function:
    """A function's head. `next_version` is the number that PublishVersion gives next; `reserved` its reserved concurrency."""

    name: str
    id: str
    next_version: int = 1
    reserved: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """A zip file as functions and layers refer to it: hexadecimal SHA-256, sizes in bytes."""

    digest: str
    size: int
    unzipped: int


@dataclass(frozen=True, slots=True)
class LayerUse:
    """A layer version in use: its package is held even after the layer version was deleted."""

    arn: str
    package: Package


@dataclass(frozen=True, eq=False)
class Version:
    """A version of a function. `number` is 0 for $LATEST; `deployment` changes with code and configuration: workers are pooled by it.

    `config` has the members of AWS's FunctionConfiguration, save those that follow from where the record lies.
    """

    function: str
    number: int
    deployment: str
    config: Json
    package: Package
    layers: tuple[LayerUse, ...] = ()

    @property
    def label(self) -> str:
        """`$LATEST` or the number."""
        return str(self.number) if self.number else LATEST

    @cached_property
    def offset(self) -> int:
        """A number that differs from function to function, so that not everything that is periodic happens at once."""
        return crc32(self.function.encode()) % 3600

    @property
    def packages(self) -> list[Package]:
        """Every package that this version holds."""
        return [self.package, *(layer.package for layer in self.layers)]


@dataclass(frozen=True, slots=True)
class Layer:
    """A version of a layer. `info` has the members of AWS's LayerVersionsListItem save its ARN and number."""

    number: int
    info: Json
    package: Package


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account uses in a region: functions, bytes of zip files, reserved concurrency."""

    functions: int = 0
    code: int = 0
    reserved: int = 0


# functions


def _space(at: Place) -> bytes:
    return keys.space(at.account, at.region, SERVICE)


@lru_cache(4096)
def _head_key(at: Place, name: str) -> bytes:
    return _space(at) + keys.pack("function", name)


@lru_cache(4096)
def _version_key(at: Place, function_id: str, number: int) -> bytes:
    return _space(at) + keys.pack("data", function_id, "version", number)


def _decode_head(raw: bytes) -> Function:
    return Function(**records.decode(raw))


def _decode_version(raw: bytes) -> Version:
    record = records.decode(raw)
    layers = tuple(LayerUse(use["arn"], Package(**use["package"])) for use in record.pop("layers"))
    return Version(**{**record, "package": Package(**record["package"]), "layers": layers})


def function(reader: Reader, at: Place, name: str) -> Function | None:
    """The head of a function, or None where there is none. Not to be changed."""
    return reader.cached(_head_key(at, name), _decode_head)


def put_function(tx: Tx, at: Place, function: Function) -> None:
    """Write a function's head."""
    tx.put(_head_key(at, function.name), records.encode(asdict(function)))


def functions(reader: Reader, at: Place, after: str, limit: int) -> list[Function]:
    """Heads in the order of their names, from the one after `after`."""
    lo, hi = keys.bounds(_space(at) + keys.pack("function"))
    if after:
        lo = _head_key(at, after) + b"\x00"
    return [_decode_head(raw) for _, raw in reader.range(lo, hi, limit)]


def version(reader: Reader, at: Place, function_id: str, number: int) -> Version | None:
    """A version of a function; number 0 is $LATEST. Not to be changed."""
    return reader.cached(_version_key(at, function_id, number), _decode_version)


def latest_of(reader: Reader, at: Place, heads: list[Function]) -> list[Version]:
    """The $LATEST of many functions at once."""
    rows = reader.get_many([_version_key(at, head.id, 0) for head in heads])
    return [_decode_version(raw) for raw in rows if raw is not None]


def put_version(tx: Tx, at: Place, version: Version) -> None:
    """Write a version."""
    tx.put(_version_key(at, version.function, version.number), records.encode(asdict(version)))


def delete_version(tx: Tx, at: Place, function_id: str, number: int) -> None:
    """Forget a version."""
    tx.delete(_version_key(at, function_id, number))


def versions(reader: Reader, at: Place, function_id: str, first: int, limit: int) -> list[Version]:
    """Versions in the order of their numbers, from `first` on."""
    lo = _version_key(at, function_id, first)
    _, hi = keys.bounds(_space(at) + keys.pack("data", function_id, "version"))
    return [_decode_version(raw) for _, raw in reader.range(lo, hi, limit)]


def newest_published(reader: Reader, at: Place, function_id: str) -> Version | None:
    """The published version of the highest number."""
    lo = _version_key(at, function_id, 1)
    _, hi = keys.bounds(_space(at) + keys.pack("data", function_id, "version"))
    rows = reader.range(lo, hi, 1, reverse=True)
    return _decode_version(rows[0][1]) if rows else None


def forget_name(tx: Tx, at: Place, name: str) -> None:
    """Drop a function's name; what lies under its id is cleared later."""
    tx.delete(_head_key(at, name))


def clear_function(tx: Tx, at: Place, function_id: str) -> None:
    """Drop everything under a function's id. Its packages must have been dropped before."""
    tx.clear_range(*keys.bounds(_space(at) + keys.pack("data", function_id)))


# resource policies


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """A resource policy: its statements as AddPermission made them, and compiled."""

    statements: list[Json]
    compiled: Policy


def document(statements: list[Json]) -> Json:
    """Statements as a policy document."""
    return {"Version": "2012-10-17", "Id": "default", "Statement": statements}


def _decode_policy(raw: bytes) -> ResourcePolicy:
    statements = records.decode(raw)["statements"]
    return ResourcePolicy(statements, load(document(statements), "resource"))


def policy(reader: Reader, at: Place, function_id: str, qualifier: str) -> ResourcePolicy | None:
    """The resource policy of a function (qualifier "") or of a version or alias of it. Not to be changed."""
    return reader.cached(_policy_key(at, function_id, qualifier), _decode_policy)


def put_policy(tx: Tx, at: Place, function_id: str, qualifier: str, statements: list[Json]) -> None:
    """Replace a resource policy; one without statements is none. A policy is bounded to 20 KB by AWS."""
    key = _policy_key(at, function_id, qualifier)
    if statements:
        tx.put(key, records.encode({"statements": statements}))
    else:
        tx.delete(key)


@lru_cache(1024)
def _policy_key(at: Place, function_id: str, qualifier: str) -> bytes:
    return _space(at) + keys.pack("data", function_id, "policy", qualifier)


# asynchronous invocations


def put_payload(tx: Tx, at: Place, invocation: str, payload: bytes) -> None:
    """Keep the payload of an asynchronous invocation that is too large for its event."""
    tx.put(_space(at) + keys.pack("payload", invocation), payload)


def payload(reader: Reader, at: Place, invocation: str) -> bytes | None:
    """A payload kept by put_payload."""
    return reader.get(_space(at) + keys.pack("payload", invocation))


def drop_payload(tx: Tx, at: Place, invocation: str) -> None:
    """Forget a payload kept by put_payload."""
    tx.delete(_space(at) + keys.pack("payload", invocation))


def put_dead(tx: Tx, at: Place, function_id: str, now: float, invocation: str, letter: Json, keep: float) -> None:
    """Keep a dead letter, and forget those older than `keep` seconds."""
    prefix = _space(at) + keys.pack("data", function_id, "dead")
    tx.clear_range(keys.bounds(prefix)[0], prefix + keys.pack(int((now - keep) * 1000)))
    tx.put(prefix + keys.pack(int(now * 1000), invocation), records.encode(letter))


def dead(reader: Reader, at: Place, function_id: str, limit: int) -> list[Json]:
    """The newest dead letters of a function."""
    lo, hi = keys.bounds(_space(at) + keys.pack("data", function_id, "dead"))
    return [records.decode(raw) for _, raw in reader.range(lo, hi, limit, reverse=True)]


# layers


def next_layer_number(tx: Tx, at: Place, name: str) -> int:
    """A new version's number; numbers are never given twice, even when every version was deleted."""
    key = _space(at) + keys.pack("layer-number", name)
    raw = tx.get(key)
    number = 1 + int(records.decode(raw) if raw is not None else 0)
    tx.put(key, records.encode(number))
    return number


def put_layer(tx: Tx, at: Place, name: str, layer: Layer) -> None:
    """Write a new version of a layer; it is the newest."""
    tx.put(_layer_key(at, name, layer.number), records.encode(asdict(layer)))
    tx.put(_space(at) + keys.pack("layer", name), records.encode(layer.number))


def layer(reader: Reader, at: Place, name: str, number: int) -> Layer | None:
    """A version of a layer."""
    raw = reader.get(_layer_key(at, name, number))
    return _decode_layer(raw) if raw is not None else None


def delete_layer(tx: Tx, at: Place, name: str, number: int) -> None:
    """Forget a version of a layer, and the layer with its last one."""
    tx.delete(_layer_key(at, name, number))
    newest = layer_versions(tx, at, name, 0, 1)
    if newest:
        tx.put(_space(at) + keys.pack("layer", name), records.encode(newest[0].number))
    else:
        tx.delete(_space(at) + keys.pack("layer", name))


def layer_versions(reader: Reader, at: Place, name: str, before: int, limit: int) -> list[Layer]:
    """Versions of a layer, the newest first, from the one before `before` (0: from the newest)."""
    lo, hi = keys.bounds(_space(at) + keys.pack("layer-version", name))
    if before:
        hi = _layer_key(at, name, before)
    return [_decode_layer(raw) for _, raw in reader.range(lo, hi, limit, reverse=True)]


def layer_names(reader: Reader, at: Place, after: str, limit: int) -> list[str]:
    """Names of layers that have versions, in their order."""
    prefix = _space(at) + keys.pack("layer")
    lo, hi = keys.bounds(prefix)
    if after:
        lo = prefix + keys.pack(after) + b"\x00"
    return [str(keys.unpack(key[len(prefix) :])[0]) for key, _ in reader.range(lo, hi, limit)]


def _layer_key(at: Place, name: str, number: int) -> bytes:
    return _space(at) + keys.pack("layer-version", name, number)


def _decode_layer(raw: bytes) -> Layer:
    record = records.decode(raw)
    return Layer(**{**record, "package": Package(**record["package"])})


# packages and usage


def package_blob(reader: Reader, digest: str) -> str | None:
    """The blob of a package, or None where nobody holds it."""
    raw = reader.get(_CODE + keys.pack(digest))
    return records.decode(raw)["blob"] if raw is not None else None


def hold(tx: Tx, digest: str, blob: str | None = None) -> bool:
    """One more reference to a package. True where it was new and `blob` is now its blob, which the caller adopts.

    Raises LookupError where the package is unknown and no blob was given.
    """
    key = _CODE + keys.pack(digest)
    raw = tx.get(key)
    if raw is None and blob is None:
        raise LookupError(digest)
    record: Json = records.decode(raw) if raw is not None else {"blob": blob, "refs": 0}
    tx.put(key, records.encode({**record, "refs": record["refs"] + 1}))
    return raw is None


def drop(tx: Tx, digest: str) -> str | None:
    """One reference less. Returns the blob to release where it was the last one."""
    key = _CODE + keys.pack(digest)
    raw = tx.get(key)
    if raw is None:
        return None
    record = records.decode(raw)
    if record["refs"] > 1:
        tx.put(key, records.encode({**record, "refs": record["refs"] - 1}))
        return None
    tx.delete(key)
    blob: str = record["blob"]
    return blob


def usage(reader: Reader, at: Place) -> Usage:
    """What an account uses in a region."""
    raw = reader.get(_space(at) + keys.pack("usage"))
    return Usage(**records.decode(raw)) if raw is not None else Usage()


def add_usage(tx: Tx, at: Place, *, functions: int = 0, code: int = 0, reserved: int = 0) -> Usage:
    """Change what an account uses; returns the new sums."""
    old = usage(tx, at)
    new = replace(old, functions=old.functions + functions, code=old.code + code, reserved=old.reserved + reserved)
    tx.put(_space(at) + keys.pack("usage"), records.encode(asdict(new)))
    return new


def secret(reader: Reader) -> bytes | None:
    """The key that signs download URLs, where one was made."""
    raw = reader.get(_SECRET)
    return bytes.fromhex(records.decode(raw)) if raw is not None else None


def put_secret(tx: Tx, value: bytes) -> None:
    """Keep the key that signs download URLs."""
    tx.put(_SECRET, records.encode(value.hex()))
