"""The adapter that keeps everything in memory: for `--ephemeral` and for tests, which can make it abort and delay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from cumulet.base.errors import Conflict, StoreError

from .api import Snapshot, Tx
from .counted import PIECE, CountedBlobs
from .engine import Engine
from .overlay import Pair, Span
from .snapshot import SnapshotReader
from .sortedmap import SortedMap

Abort = Callable[[Tx], bool]


class MemoryKv(Engine):
    """A Kv that lasts as long as its process.

    `abort` is asked at each commit whether to raise Conflict instead; `watch_delay` holds signals back for so many seconds. Both
    are for tests: an operation must bear being run twice, a reader must bear signals that come late.
    """

    def __init__(self, abort: Abort | None = None, watch_delay: float = 0.0) -> None:
        super().__init__()
        self._map = SortedMap()
        self._abort = abort
        self._watch_delay = watch_delay

    def get(self, key: bytes) -> bytes | None:
        return self._map.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        return [self._map.get(key) for key in keys]

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        return self._map.range(lo, hi, limit, reverse=reverse)

    def write(self, clears: list[Span], writes: dict[bytes, bytes | None]) -> None:
        for lo, hi in clears:
            self._map.clear(lo, hi)
        for key, value in writes.items():
            if value is None:
                self._map.delete(key)
            else:
                self._map.set(key, value)

    def commit(self, tx: Tx) -> None:
        if self._abort is not None and tx.dirty and self._abort(tx):
            raise Conflict("aborted on purpose")
        super().commit(tx)

    def signal(self, topics: Iterable[str]) -> None:
        if self._watch_delay:
            asyncio.get_running_loop().call_later(self._watch_delay, super().signal, list(topics))
        else:
            super().signal(topics)

    def snapshot(self) -> Snapshot:
        frozen = self._map.snapshot()
        return SnapshotReader(frozen.get, frozen.range)


def abort_first() -> Abort:
    """A hook that aborts every first attempt and lets the second through, so that each transaction runs twice."""
    attempts = 0

    def abort(_tx: Tx) -> bool:
        nonlocal attempts
        attempts += 1
        return attempts % 2 == 1

    return abort


class MemoryBlobs(CountedBlobs):
    """Blobs as bytes."""

    def __init__(self, kv: Engine, delay: float) -> None:
        super().__init__(kv, delay)
        self.data: dict[str, bytes] = {}

    def create(self) -> MemoryWriter:
        return MemoryWriter(self, self.intend())

    def open(self, blob_id: str) -> MemoryReader:
        data = self.data.get(blob_id)
        if data is None:
            raise StoreError(f"blob {blob_id} is missing")
        return MemoryReader(data)

    def path(self, blob_id: str) -> str | None:
        return None

    def stored_size(self, blob_id: str) -> int | None:
        data = self.data.get(blob_id)
        return None if data is None else len(data)

    async def remove(self, blob_ids: list[str]) -> None:
        for blob_id in blob_ids:
            self.data.pop(blob_id, None)

    async def remove_all(self) -> None:
        self.data.clear()


class MemoryWriter:
    """See `api.BlobWriter`."""

    def __init__(self, blobs: MemoryBlobs, blob_id: str) -> None:
        self.id = blob_id
        self.size = 0
        self._blobs = blobs
        self._parts: list[bytes] = []

    async def write(self, data: bytes) -> None:
        self._parts.append(bytes(data))
        self.size += len(data)

    async def finish(self) -> None:
        self._blobs.data[self.id] = b"".join(self._parts)
        self._parts = []

    async def abort(self) -> None:
        self._parts = []
        if self._blobs.intended(self.id):
            self._blobs.data.pop(self.id, None)
            self._blobs.withdraw(self.id)


class MemoryReader:
    """See `api.BlobReader`."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self._data = data

    async def chunks(self, offset: int, length: int) -> AsyncIterator[bytes]:
        end = min(offset + length, self.size)
        for at in range(offset, end, PIECE):
            yield self._data[at : min(at + PIECE, end)]

    def close(self) -> None:
        self._data = b""


def open(  # noqa: A001
    *, abort: Abort | None = None, watch_delay: float = 0.0, delete_delay: float = 1.0
) -> tuple[MemoryKv, MemoryBlobs]:
    """An empty store; the arguments are for tests (see MemoryKv, CountedBlobs)."""
    kv = MemoryKv(abort, watch_delay)
    return kv, MemoryBlobs(kv, delete_delay)
