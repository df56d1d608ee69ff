"""Multipart uploads and their parts. Every part is a blob; completing turns them into extents without moving a byte."""

from __future__ import annotations

from cumulet.base.ids import hexid
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

from .buckets import Bucket

DROPPED = 160
"""Parts that one transaction releases and deletes: three records each."""


def new_id(now: float) -> str:
    """An upload's id; the uploads of one key sort by it as they began."""
    return f"{int(now * 1e6):014x}{hexid(24)}"


def find(reader: Reader, bucket: Bucket, key: str, upload: str) -> Json | None:
    """An upload's record."""
    raw = reader.get(bucket.uploads + keys.pack(key, upload))
    record: Json | None = records.decode(raw) if raw is not None else None
    return record


def create(tx: Tx, bucket: Bucket, key: str, upload: str, record: Json) -> None:
    """Begin an upload."""
    tx.put(bucket.uploads + keys.pack(key, upload), records.encode(record))


def forget(tx: Tx, bucket: Bucket, key: str, upload: str) -> None:
    """Delete an upload's record; its parts are dealt with apart."""
    tx.delete(bucket.uploads + keys.pack(key, upload))
    tx.delete(bucket.turns + keys.pack(upload))


def turn(reader: Reader, bucket: Bucket, upload: str) -> bytes | None:
    """A value that changes whenever a part of the upload does."""
    return reader.get(bucket.turns + keys.pack(upload))


def put_part(ctx: Context, bucket: Bucket, upload: str, number: int, part: Json) -> None:
    """Put a part whose blob has been adopted; one of the same number before it is let go."""
    at = bucket.parts + keys.pack(upload, number)
    old = ctx.tx.get(at)
    if old is not None:
        ctx.machine.blobs.release(ctx.tx, records.decode(old)["blob"])
    ctx.tx.put(at, records.encode(part))
    ctx.tx.put(bucket.turns + keys.pack(upload), part["blob"].encode())


def parts(reader: Reader, bucket: Bucket, upload: str, after: int, limit: int) -> list[tuple[int, Json]]:
    """Parts in order, from the one behind number `after`."""
    space = bucket.parts + keys.pack(upload)
    found = reader.range(space + keys.pack(after + 1), keys.bounds(space)[1], limit)
    return [(int.from_bytes(key[-8:], "big") - (1 << 63), records.decode(raw)) for key, raw in found]


def clear_parts(tx: Tx, bucket: Bucket, upload: str) -> None:
    """Delete the records of an upload's parts, whose blobs have other owners now."""
    tx.clear_range(*keys.bounds(bucket.parts + keys.pack(upload)))


def drop_parts(ctx: Context, bucket: Bucket, upload: str) -> bool:
    """Release and delete some parts. Returns whether some may be left."""
    found = ctx.tx.range(*keys.bounds(bucket.parts + keys.pack(upload)), DROPPED)
    for key, raw in found:
        ctx.machine.blobs.release(ctx.tx, records.decode(raw)["blob"])
        ctx.tx.delete(key)
    return len(found) == DROPPED


def any_upload(reader: Reader, bucket: Bucket) -> tuple[str, str] | None:
    """The key and id of some upload in the bucket."""
    for key, _ in reader.range(*keys.bounds(bucket.uploads), 1):
        name, upload = keys.unpack(key[len(bucket.uploads) :])
        return str(name), str(upload)
    return None
