"""Objects: records, the bytes of small ones, and what becomes of bytes that nobody refers to any more."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

from .buckets import Bucket

INLINE = 64 * 1024
"""Bytes up to which an object is a row; beyond, it is a blob."""
CHUNK = 240
"""Extents in a record: releasing them writes twice as many records, and a transaction writes at most 500."""
FEW = 4
"""Extents that are released in the transaction that lets go of them; more are a job's, as one may delete many objects."""

Extent = list[Any]
"""[size, blob id] and, where the object was uploaded in parts, the part's checksum."""

readers: Counter[str] = Counter()
"""How many responses are being read from which extents (data ids); their release waits. A restart has no readers."""


def position(key: str) -> bytes:
    """A key's place among the bucket's objects: the order of UTF-8 bytes."""
    return b"\x02" + key.encode().replace(b"\x00", b"\x00\xff") + b"\x00"


def find(reader: Reader, bucket: Bucket, key: str) -> Json | None:
    """The current object's record."""
    raw = reader.get(bucket.objects + position(key))
    record: Json | None = records.decode(raw) if raw is not None else None
    return record


def row(reader: Reader, bucket: Bucket, key: str) -> bytes:
    """The bytes of an object that is a row."""
    return reader.get(bucket.rows + position(key)) or b""


def is_row(record: Json) -> bool:
    """Whether the bytes are in a row (or there are none)."""
    return "blob" not in record and "data" not in record


def put(ctx: Context, bucket: Bucket, key: str, old: Json | None, record: Json, data: bytes | None = None) -> None:
    """Put a record in the place of `old`, whose bytes are let go. `data` are the bytes of a row."""
    tx, at = ctx.tx, position(key)
    if old is not None:
        if not is_row(old):
            release(ctx, bucket, old)
        elif not data and old["size"]:
            tx.delete(bucket.rows + at)
    if data:
        tx.put(bucket.rows + at, data)
    tx.put(bucket.objects + at, records.encode(record))


def replace_record(tx: Tx, bucket: Bucket, key: str, record: Json) -> None:
    """Change what a record says of an object whose bytes stay."""
    tx.put(bucket.objects + position(key), records.encode(record))


def delete(ctx: Context, bucket: Bucket, key: str, old: Json) -> None:
    """Delete the current object."""
    at = position(key)
    if not is_row(old):
        release(ctx, bucket, old)
    elif old["size"]:
        ctx.tx.delete(bucket.rows + at)
    ctx.tx.delete(bucket.objects + at)


def release(ctx: Context, bucket: Bucket, record: Json) -> None:
    """Give back an object's references to blobs: at once where they are few, else by a job."""
    if "blob" in record:
        ctx.machine.blobs.release(ctx.tx, record["blob"])
    elif "data" in record:
        data = record["data"]
        if record["count"] > FEW or readers[data]:
            ctx.schedule("s3.release", {"bucket": bucket.place, "data": data}, ctx.now)
        else:
            release_chunk(ctx, bucket, data)


# extents


def write_extents(tx: Tx, bucket: Bucket, data: str, extents: list[Extent]) -> list[int]:
    """Write extents; the offsets at which their records begin are kept in the object's record."""
    offsets, offset = [], 0
    for number, begin in enumerate(range(0, len(extents), CHUNK)):
        chunk = extents[begin : begin + CHUNK]
        write_chunk(tx, bucket, data, number, chunk)
        offsets.append(offset)
        offset += sum(extent[0] for extent in chunk)
    return offsets


def write_chunk(tx: Tx, bucket: Bucket, data: str, number: int, chunk: list[Extent]) -> None:
    """Write one record of extents."""
    tx.put(bucket.extents + keys.pack(data, number), records.encode(chunk))


def read_chunk(reader: Reader, bucket: Bucket, data: str, number: int) -> list[Extent] | None:
    """One record of extents; None where it is gone."""
    raw = reader.get(bucket.extents + keys.pack(data, number))
    chunk: list[Extent] | None = records.decode(raw) if raw is not None else None
    return chunk


def release_chunk(ctx: Context, bucket: Bucket, data: str) -> bool:
    """Release the blobs of the first record of extents that is left, and delete it. Returns whether there was one."""
    found = ctx.tx.range(*keys.bounds(bucket.extents + keys.pack(data)), 1)
    for key, raw in found:
        for extent in records.decode(raw):
            ctx.machine.blobs.release(ctx.tx, extent[1])
        ctx.tx.delete(key)
    return bool(found)
