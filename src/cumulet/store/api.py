"""The store's contract. No operation changes when another adapter stands behind it.

Kv is an ordered map of bytes to bytes with serialisable transactions. Blobs keeps immutable byte strings too large for it.
The words are FoundationDB's. Limits: key ≤ 8 KiB, value ≤ 1 MiB, transaction ≤ 10 MB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

MAX_KEY = 8 * 1024
MAX_VALUE = 1024 * 1024
MAX_TX = 10 * 1024 * 1024


class Reader(Protocol):
    """Reads of one consistent state."""

    def get(self, key: bytes) -> bytes | None: ...

    def get_many(self, keys: list[bytes]) -> list[bytes | None]: ...

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs with lo <= key < hi, ascending, or descending from hi when `reverse`."""

    def cached(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        """The decoded record at `key`, kept decoded until a commit touches the key. The value must not be changed by the caller."""


class Tx(Reader, Protocol):
    """A transaction: synchronous, confined to one thread, its writes seen by its own reads and by nobody else before commit."""

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...

    def clear_range(self, lo: bytes, hi: bytes) -> None:
        """Delete every key with lo <= key < hi, in constant time."""

    def append(self, log: bytes, value: bytes) -> None:
        """Add a record to a log: at commit its key is `log` + a 10-byte position that is higher than every position committed before."""

    def touch(self, topic: str) -> None:
        """Signal `topic` to watchers once this transaction has committed."""

    def child(self) -> Tx:
        """A nested transaction over this one. `merge()` it to keep its writes, drop it to forget them."""

    def merge(self) -> None:
        """Fold a child's writes into its parent."""

    @property
    def dirty(self) -> bool:
        """Whether there is anything to commit."""


class Snapshot(Reader, Protocol):
    """A read-only state that later commits do not change."""

    def close(self) -> None: ...


class Kv(Protocol):
    """The ordered store."""

    def begin(self) -> Tx: ...

    def commit(self, tx: Tx) -> None:
        """Make the transaction's writes visible and safe from `kill -9`. Raises base.errors.Conflict when it must be run again."""

    def durable(self) -> Awaitable[None] | None:
        """None when everything visible is as durable as was asked for; else an awaitable that ends once it is (grouped fsync)."""

    def snapshot(self) -> Snapshot: ...

    def watch(self, topic: str) -> asyncio.Event:
        """An event set after each commit that touched `topic`; the reader clears it. Signals can be missed: readers poll as well."""

    def clear_all(self) -> None:
        """Forget everything (reset)."""

    async def start(self) -> None:
        """Start background work (the periodic WAL sync) on the running loop."""

    async def close(self) -> None:
        """Sync and let go of files and locks."""


class BlobWriter(Protocol):
    """Writes one blob. Bytes are on their way to the file system; nothing refers to them before `adopt`."""

    id: str
    size: int

    async def write(self, data: bytes) -> None: ...

    async def finish(self) -> None:
        """All bytes are handed to the operating system (and synced when durability is `commit`)."""

    async def abort(self) -> None:
        """Remove the file and its intent. Safe to call after any failure, and twice."""


class BlobReader(Protocol):
    """An open blob: stays readable after the blob was released."""

    size: int

    def chunks(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """The bytes of [offset, offset + length) in pieces of at most 1 MiB."""

    def close(self) -> None: ...


class Blobs(Protocol):
    """Immutable, reference-counted byte strings. Their reference counts are records of the Kv and change with transactions."""

    def create(self) -> BlobWriter:
        """A new blob, its intent row written in a transaction of its own first."""

    def adopt(self, tx: Tx, blob_id: str) -> None:
        """Within the commit that refers to the blob: its first reference replaces the intent."""

    def link(self, tx: Tx, blob_id: str) -> None:
        """One more reference (a copy without copying)."""

    def release(self, tx: Tx, blob_id: str) -> None:
        """One reference less; the file goes some time after the last one."""

    def open(self, blob_id: str) -> BlobReader:
        """Raises base.errors.StoreError when the file is missing."""

    def path(self, blob_id: str) -> str | None:
        """The file's path, for engines that read files; None where there is none."""

    async def start(self) -> None:
        """Sweep what a crash left: files named by intents. Then keep deleting what was released."""

    async def clear_all(self) -> None:
        """Remove every blob (reset)."""

    async def close(self) -> None: ...
