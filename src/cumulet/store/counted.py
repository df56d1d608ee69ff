"""Reference counts of blobs, as records of the Kv: what both adapters' Blobs share.

A blob's life in rows: an intent (before its bytes) → a count (by the commit that refers to it) → a deletion job (by the commit that
drops the last reference) → nothing. A crash leaves a row for every file it leaves, so start-up reads rows and never directories.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from cumulet.base import ids
from cumulet.base.errors import Conflict, StoreError

from . import keys, records
from .api import BlobReader, BlobWriter, Tx
from .engine import Engine

T = TypeVar("T")

PIECE = 1024 * 1024
"""The longest piece that a reader hands out, and that a writer writes on the loop, in bytes."""

# Accounts are text, so a first element of bytes cannot meet a service's key.
_SPACE = keys.pack(b"blob")
_INTENTS = _SPACE + keys.pack("intent")
_COUNTS = _SPACE + keys.pack("count")
_DELETIONS = _SPACE + keys.pack("deletion")
_TOPIC = "store.blobs"
_BATCH = 100
_RETRY = 1.0
_RESCAN = 60.0

_log = logging.getLogger("cumulet.store")


class CountedBlobs(ABC):
    """A Blobs over an adapter's files. Released blobs go `delay` seconds after the commit that released them.

    The delay is for readers who have read the row and have yet to open the file.
    """

    def __init__(self, kv: Engine, delay: float) -> None:
        self._kv = kv
        self._delay = delay
        self._early: set[str] | None = set()  # written before `start`, whose sweep is to pass them by
        self._stale: set[str] = set()
        self._cursor = _DELETIONS
        self._task: asyncio.Task[None] | None = None

    # ---- what an adapter supplies

    @abstractmethod
    def create(self) -> BlobWriter:
        """See `api.Blobs.create`."""

    @abstractmethod
    def open(self, blob_id: str) -> BlobReader:
        """See `api.Blobs.open`."""

    @abstractmethod
    def path(self, blob_id: str) -> str | None:
        """See `api.Blobs.path`."""

    @abstractmethod
    def stored_size(self, blob_id: str) -> int | None:
        """How many bytes there are; None where there is no such blob."""

    @abstractmethod
    async def remove(self, blob_ids: list[str]) -> None:
        """Remove files, some of which may be gone already."""

    @abstractmethod
    async def remove_all(self) -> None:
        """Remove every file."""

    # ---- intents

    def intend(self) -> str:
        """The id of a blob to come, its intent committed."""
        blob_id = ids.hexid(16)
        self._transact(lambda tx: tx.put(_INTENTS + keys.pack(blob_id), records.encode(int(time.time()))))
        if self._early is not None:
            self._early.add(blob_id)
        return blob_id

    def intended(self, blob_id: str) -> bool:
        """Whether the blob is still to be adopted: only then may its writer remove it."""
        try:
            return self._kv.get(_INTENTS + keys.pack(blob_id)) is not None
        except StoreError:
            return False

    def withdraw(self, blob_id: str) -> None:
        """Forget an intent, its file being gone."""
        try:
            self._transact(lambda tx: tx.delete(_INTENTS + keys.pack(blob_id)))
        except StoreError:
            # A full disk takes no row either: it goes with the collector's next round, or the next start.
            self._stale.add(blob_id)

    # ---- references

    def adopt(self, tx: Tx, blob_id: str) -> None:
        """See `api.Blobs.adopt`. Raises StoreError for a blob that was not written, or was adopted before."""
        intent = _INTENTS + keys.pack(blob_id)
        size = self.stored_size(blob_id)
        if size is None or tx.get(intent) is None:
            raise StoreError(f"blob {blob_id} cannot be adopted: it is not there, or not new")
        tx.delete(intent)
        tx.put(_COUNTS + keys.pack(blob_id), records.encode([1, size, 0]))

    def link(self, tx: Tx, blob_id: str) -> None:
        """See `api.Blobs.link`."""
        count, size, due = self._count(tx, blob_id)
        if due:
            tx.delete(_DELETIONS + keys.pack(due, blob_id))
        tx.put(_COUNTS + keys.pack(blob_id), records.encode([count + 1, size, 0]))

    def release(self, tx: Tx, blob_id: str) -> None:
        """See `api.Blobs.release`."""
        count, size, due = self._count(tx, blob_id)
        if count == 0:
            raise StoreError(f"blob {blob_id} is released once too often")
        if count == 1:
            due = int((time.time() + self._delay) * 1000)
            tx.put(_DELETIONS + keys.pack(due, blob_id), records.encode(None))
            tx.touch(_TOPIC)
        tx.put(_COUNTS + keys.pack(blob_id), records.encode([count - 1, size, due]))

    def _count(self, tx: Tx, blob_id: str) -> tuple[int, int, int]:
        """References, size in bytes and, where there are none, when the file is to go (ms since the epoch)."""
        raw = tx.get(_COUNTS + keys.pack(blob_id))
        if raw is None:
            raise StoreError(f"blob {blob_id} is unknown")
        count, size, due = records.decode(raw)
        return count, size, due

    def expected_size(self, blob_id: str) -> int | None:
        """The size at adoption; None before it."""
        raw = self._kv.get(_COUNTS + keys.pack(blob_id))
        return None if raw is None else records.decode(raw)[1]

    # ---- the collector

    async def start(self) -> None:
        """See `api.Blobs.start`."""
        await self._sweep()
        self._task = asyncio.get_running_loop().create_task(self._collect(), name="cumulet-blobs")

    async def close(self) -> None:
        """Stop deleting; what is due goes after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def clear_all(self) -> None:
        """See `api.Blobs.clear_all`."""
        self._transact(lambda tx: tx.clear_range(*keys.bounds(_SPACE)))
        self._stale.clear()
        self._cursor = _DELETIONS
        await self.remove_all()

    async def _sweep(self) -> None:
        """Remove what intents name, save what this process is writing."""
        lo, hi = keys.bounds(_INTENTS)
        while rows := self._kv.range(lo, hi, _BATCH):
            lo = rows[-1][0] + b"\x00"
            found = {key: str(keys.unpack(key)[-1]) for key, _ in rows}
            left = {key: blob_id for key, blob_id in found.items() if blob_id not in (self._early or ())}
            await self.remove(list(left.values()))
            self._delete(list(left))
        self._early = None

    async def _collect(self) -> None:
        event = self._kv.watch(_TOPIC)
        while True:
            event.clear()
            try:
                pause = await self._round()
            except (StoreError, OSError) as err:
                _log.warning("released blobs stay for now: %s", err)
                pause = _RETRY
            if pause is not None:
                await asyncio.sleep(pause)
                continue
            try:
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with the event.
                async with asyncio.timeout(_RESCAN):
                    await event.wait()
            except TimeoutError:
                # A transaction that took longer than the delay left its row behind the cursor.
                self._cursor = _DELETIONS

    async def _round(self) -> float | None:
        """Remove what is due. Returns the seconds to the next one, or None where nothing waits."""
        if self._stale:
            self._delete([_INTENTS + keys.pack(blob_id) for blob_id in self._stale])
            self._stale.clear()
        while rows := self._kv.range(self._cursor, keys.bounds(_DELETIONS)[1], _BATCH):
            now = time.time()
            due = []
            wait = None
            for key, _ in rows:
                at, blob_id = keys.unpack(key)[-2:]
                assert isinstance(at, int)
                if at > now * 1000:
                    wait = at / 1000 - now
                    break
                due.append((key, str(blob_id)))
            if due:
                # The counts go first, so that nobody links a blob while its file goes; the rows that name the files go last.
                self._delete([_COUNTS + keys.pack(blob_id) for _, blob_id in due])
                await self.remove([blob_id for _, blob_id in due])
                self._delete([key for key, _ in due])
                # From here on, not from the start: seeking across a queue's tombstones costs milliseconds.
                self._cursor = due[-1][0]
            if wait is not None:
                return wait
        return None

    def _delete(self, rows: list[bytes]) -> None:
        def run(tx: Tx) -> None:
            for key in rows:
                tx.delete(key)

        if rows:
            self._transact(run)

    def _transact(self, run: Callable[[Tx], T]) -> T:
        while True:
            tx = self._kv.begin()
            result = run(tx)
            try:
                self._kv.commit(tx)
            except Conflict:
                continue
            return result
