"""Buckets: a name's owner, and the decoded record that every request needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cumulet.base.ids import hexid
from cumulet.base.types import Json
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

from ..engine.notification import Rule, rule

_NAMES = keys.space("", "", "s3") + keys.pack("bucket")


@dataclass(slots=True)
class Bucket:
    """A bucket. `record` is what is stored; the rest is made of it once."""

    name: str
    record: Json
    id: str
    account: str
    region: str
    rules: list[Rule]
    space: bytes
    objects: bytes = field(init=False)
    rows: bytes = field(init=False)
    extents: bytes = field(init=False)
    uploads: bytes = field(init=False)
    parts: bytes = field(init=False)
    turns: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.objects = self.space + keys.pack("object")
        self.rows = self.space + keys.pack("row")
        self.extents = self.space + keys.pack("extent")
        self.uploads = self.space + keys.pack("upload")
        self.parts = self.space + keys.pack("part")
        self.turns = self.space + keys.pack("turn")

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"

    @property
    def place(self) -> Json:
        """What a job needs to find the bucket's contents, though its name may be gone by then."""
        return {"name": self.name, "account": self.account, "region": self.region, "id": self.id}


def _decode(raw: bytes) -> Bucket:
    return _of(records.decode(raw))


def _of(record: Json) -> Bucket:
    account, region, bucket_id = record["account"], record["region"], record["id"]
    rules = [rule(entry) for entry in record.get("notification", ())]
    space = keys.space(account, region, "s3") + keys.pack(bucket_id)
    return Bucket(record["name"], record, bucket_id, account, region, rules, space)


def at(place: Json) -> Bucket:
    """The bucket that `Bucket.place` described; its record may be gone."""
    return _of(place)


@lru_cache(4096)
def _key(name: str) -> bytes:
    return _NAMES + b"\x02" + name.encode().replace(b"\x00", b"\x00\xff") + b"\x00"


def find(reader: Reader, name: str) -> Bucket | None:
    """The bucket of that name, whoever owns it."""
    return reader.cached(_key(name), _decode)


def create(tx: Tx, name: str, account: str, region: str, now: float, extra: Json) -> Bucket:
    """A new bucket. The name must be free."""
    record = {"name": name, "id": hexid(8), "account": account, "region": region, "created": int(now), **extra}
    tx.put(_key(name), records.encode(record))
    tx.put(_owned(account, name), records.encode({"region": region, "created": record["created"]}))
    return _of(record)


def update(tx: Tx, bucket: Bucket, changes: Json) -> None:
    """Change members of a bucket's record; None removes one."""
    record = {name: value for name, value in {**bucket.record, **changes}.items() if value is not None}
    tx.put(_key(bucket.name), records.encode(record))


def delete(tx: Tx, bucket: Bucket) -> None:
    """Drop the name and what the bucket holds, save what refers to blobs: uploads, parts, extents."""
    tx.delete(_key(bucket.name))
    tx.delete(_owned(bucket.account, bucket.name))
    tx.clear_range(*keys.bounds(bucket.rows))


def is_empty(reader: Reader, bucket: Bucket) -> bool:
    """Whether no object is in the bucket. Uploads that are under way do not count."""
    return not reader.range(*keys.bounds(bucket.objects), 1)


def owned(reader: Reader, account: str, prefix: str, after: bytes, limit: int) -> list[tuple[str, bytes, Json]]:
    """An account's buckets in order: (name, position, {region, created})."""
    space = _owned_space(account)
    low = b"\x02" + prefix.encode()
    found = reader.range(space + max(low, after), space + keys.after_prefix(low), limit)
    return [(str(keys.unpack(key[len(space) :])[0]), key[len(space) :], records.decode(raw)) for key, raw in found]


def _owned_space(account: str) -> bytes:
    return keys.space(account, "", "s3") + keys.pack("bucket")


def _owned(account: str, name: str) -> bytes:
    return _owned_space(account) + keys.pack(name)


def settings(bucket: Bucket, name: str, default: Any = None) -> Any:
    """A member of the bucket's record."""
    return bucket.record.get(name, default)
