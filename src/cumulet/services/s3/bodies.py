"""Bytes on their way in and out: digested and written while they arrive, read from blobs while they leave, in flat memory."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from cumulet.base.errors import StoreError
from cumulet.base.messages import Body, BodyBroken, BodyTooLarge, BytesBody
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.machine import Machine
from cumulet.store.api import BlobReader, BlobWriter

from .engine import checksums, etag
from .rules.uploads import MAX_OBJECT, too_large
from .state import objects
from .state.buckets import Bucket

BATCH = 1024 * 1024
OFFLOAD = 256 * 1024
"""Bytes from which digesting holds the loop too long and goes to a thread."""


class Received(NamedTuple):
    """A body that is here. Small ones are `data`; of others `blob` is written but not adopted."""

    size: int
    md5: str
    checksum: str
    """base64"""
    data: bytes | None
    blob: BlobWriter | None
    trailers: dict[str, str] | None


class Digests:
    """The MD5 and, where wanted, one more checksum of the same bytes."""

    def __init__(self, algorithm: str | None) -> None:
        self._md5 = checksums.running("MD5")
        self._sum = checksums.running(algorithm) if algorithm is not None else None

    def update(self, data: bytes) -> None:
        self._md5.update(data)
        if self._sum is not None:
            self._sum.update(data)

    def update_all(self, batch: list[bytes]) -> None:
        for data in batch:
            self.update(data)

    @property
    def md5(self) -> str:
        return self._md5.digest().hex()

    @property
    def checksum(self) -> str:
        return checksums.encode(self._sum.digest()) if self._sum is not None else ""


def small(data: bytes, algorithm: str, trailers: dict[str, str] | None = None) -> Received:
    """A body of at most 64 KiB that is all here."""
    return Received(len(data), etag.of(data), checksums.compute(algorithm, data), data, None, trailers)


def as_body(value: Body | bytes | None) -> Body:
    """The streaming member of a request: calls from within may give bytes, or nothing."""
    if value is None:
        return BytesBody()
    return BytesBody(value) if isinstance(value, bytes) else value


async def receive(ctx: Context, body: Body, algorithm: str, *, rows: bool = True) -> Received:
    """Read a body to its end. `rows`: a small one is kept as bytes, not as a blob.

    Raises AwsError EntityTooLarge, and whatever the body raises; nothing of it is left then. The caller adopts or aborts the blob.
    """
    intake = _Intake(ctx, algorithm)
    try:
        async for chunk in body:
            await intake.take(chunk)
        return await intake.finish(getattr(body, "trailers", None), rows)
    except BaseException:
        await intake.abort()
        raise


class _Intake:
    """Digests a batch in a thread while it is written and the next one arrives."""

    def __init__(self, ctx: Context, algorithm: str) -> None:
        self._ctx = ctx
        self._algorithm = algorithm
        self._digests: Digests | None = None
        self._digesting: asyncio.Task[None] | None = None
        self._writer: BlobWriter | None = None
        self._batch: list[bytes] = []
        self._held = 0
        self._size = 0

    async def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_OBJECT:
            raise too_large(self._size)
        self._batch.append(chunk)
        self._held += len(chunk)
        if self._held >= BATCH:
            await self._drain()

    async def _drain(self) -> None:
        batch, held = self._batch, self._held
        self._batch, self._held = [], 0
        if self._digests is None:
            self._digests = Digests(self._algorithm)
        if self._writer is None:
            self._writer = self._ctx.machine.blobs.create()
        await self._digested()
        if held < OFFLOAD:
            self._digests.update_all(batch)
        else:
            self._digesting = asyncio.ensure_future(self._ctx.offload(self._digests.update_all, batch))
        for chunk in batch:
            await self._writer.write(chunk)

    async def _digested(self) -> None:
        if self._digesting is not None:
            running, self._digesting = self._digesting, None
            await running

    async def finish(self, trailers: dict[str, str] | None, rows: bool) -> Received:
        if self._writer is None and rows and self._size <= objects.INLINE:
            return small(b"".join(self._batch), self._algorithm, trailers)
        if self._batch or self._writer is None:
            await self._drain()
        assert self._writer is not None
        assert self._digests is not None
        await self._writer.finish()
        await self._digested()
        return Received(self._size, self._digests.md5, self._digests.checksum, None, self._writer, trailers)

    async def abort(self) -> None:
        if self._digesting is not None:
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await self._digesting
        if self._writer is not None:
            await self._writer.abort()


class StoredBody:
    """The Body of a stored object, or of a range of it. What it holds open it lets go when it is gone, read or not."""

    __slots__ = ("_chunks", "_data", "_reader", "length")

    def __init__(self, machine: Machine, bucket: Bucket, record: Json, offset: int, length: int) -> None:
        self.length: int | None = length
        self._data: str | None = None
        self._reader: BlobReader | None = None
        self._chunks: AsyncIterator[bytes]
        if "blob" in record:
            self._reader = machine.blobs.open(record["blob"])
            self._chunks = self._reader.chunks(offset, length)
        else:
            self._data = record["data"]
            objects.readers[record["data"]] += 1
            self._chunks = _extents(machine, bucket, record, offset, length)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces()

    async def _pieces(self) -> AsyncIterator[bytes]:
        left = self.length or 0
        try:
            async for piece in self._chunks:
                left -= len(piece)
                yield piece
        finally:
            # The server closes what it streams; it may well outlive its request in a traceback.
            self.close()
        if left:
            raise BodyBroken(f"{left} bytes of the object are missing")

    async def read(self, limit: int | None = None) -> bytes:
        """See base.messages.Body."""
        if limit is not None and (self.length or 0) > limit:
            raise BodyTooLarge(f"{self.length} bytes, at most {limit}")
        return b"".join([piece async for piece in self._chunks])

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files and of the right to read on."""
        reader, self._reader = getattr(self, "_reader", None), None
        if reader is not None:
            reader.close()
        data, self._data = getattr(self, "_data", None), None
        if data is not None:
            objects.readers[data] -= 1
            if not objects.readers[data]:
                del objects.readers[data]


async def _extents(machine: Machine, bucket: Bucket, record: Json, offset: int, length: int) -> AsyncIterator[bytes]:
    """The bytes of [offset, offset + length), one blob open at a time."""
    begins: list[int] = record["chunks"]
    number = max(n for n, begin in enumerate(begins) if begin <= offset)
    at, end = begins[number], offset + length
    while at < end:
        chunk = objects.read_chunk(machine.kv.begin(), bucket, record["data"], number)
        if chunk is None:
            raise StoreError(f"extents {number} of object data {record['data']} are missing")
        number += 1
        for size, blob, *_ in chunk:
            first, last = max(offset, at), min(end, at + size)
            if first < last:
                async for piece in _read(machine, blob, first - at, last - first):
                    yield piece
            at += size


async def _read(machine: Machine, blob: str, offset: int, length: int) -> AsyncIterator[bytes]:
    reader = machine.blobs.open(blob)
    try:
        async for piece in reader.chunks(offset, length):
            yield piece
    finally:
        reader.close()


async def digest(ctx: Context, body: Body, algorithm: str | None) -> Digests:
    """The digests of bytes that are only read."""
    found = Digests(algorithm)
    async for piece in body:
        if len(piece) < OFFLOAD:
            found.update(piece)
        else:
            await ctx.offload(found.update, piece)
    return found
