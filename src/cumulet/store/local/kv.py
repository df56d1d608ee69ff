"""RocksDB as Kv: batches, snapshots, the grouped sync of its log, and recovery from a failed write."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import rocksdict

from cumulet.base.errors import StoreError

from ..api import Snapshot
from ..engine import Engine
from ..overlay import Pair, Span
from ..snapshot import SnapshotReader
from . import rocks

_MB = 1 << 20
_RETRY = 1.0
_SYNC_PERIOD = 1.0

_log = logging.getLogger("cumulet.store")


class LocalKv(Engine):
    """A Kv in the directory `path`. Positions of logs go on from RocksDB's own sequence number: each is a write, so it is ahead."""

    def __init__(self, path: Path, durability: Literal["process", "commit"]) -> None:
        self._path = path
        self._db = rocks.open_database(path)
        self._broken: StoreError | None = None
        self._retry_at = 0.0
        super().__init__(position=self._db.latest_sequence_number())
        self._durability = durability
        self._synced = 0
        # At most one sync is under way: for `_group`, up to commit `_reach`. Who comes later waits in `_next`.
        self._group: asyncio.Future[None] | None = None
        self._reach = 0
        self._next: asyncio.Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "cumulet-wal")
        self._task: asyncio.Task[None] | None = None
        self._snapshots: weakref.WeakSet[SnapshotReader] = weakref.WeakSet()
        # Files that rows refer to are to be on the disk before those rows: Blobs hang their own sync in here.
        self.before_sync: Callable[[], None] | None = None

    # ---- reads and writes

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._db.get(key)
        except Exception as err:
            raise rocks.failed("read", err) from err
        return value

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        try:
            values: list[bytes | None] = self._db.get(keys)
        except Exception as err:
            raise rocks.failed("read", err) from err
        return values

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        options = rocksdict.ReadOptions()
        options.set_iterate_upper_bound(hi)
        try:
            return rocks.rows(self._db.iter(options), lo, hi, limit, reverse)
        except Exception as err:
            raise rocks.failed("read", err) from err

    def write(self, clears: list[Span], writes: dict[bytes, bytes | None]) -> None:
        if self._broken is not None:
            self._recover(self._broken)
        batch = rocksdict.WriteBatch(raw_mode=True)
        for lo, hi in clears:
            batch.delete_range(lo, hi)
        put = batch.put
        for key, value in writes.items():
            if value is None:
                batch.delete(key)
            else:
                put(key, value)
        try:
            self._db.write(batch)
        except Exception as err:
            self._broken = rocks.failed("write", err)
            raise self._broken from err

    def _recover(self, cause: StoreError) -> None:
        """Open the database anew, at most once a second: RocksDB's log takes nothing more after a write that failed.

        Reads go on as long as there is no space. Open snapshots end here. Raises `cause` where it is too early.
        """
        now = time.monotonic()
        logs = sum(log.stat().st_size for log in self._path.glob("*.log"))
        # Opening writes a table as large as the log: without the space for it the store would be shut to readers, too.
        if now < self._retry_at or self._group is not None or shutil.disk_usage(self._path).free < 2 * logs + 2 * _MB:
            raise type(cause)(*cause.args)
        self._retry_at = now + _RETRY
        self._end_snapshots()
        with contextlib.suppress(Exception):  # it says again what went wrong, and closes all the same
            self._db.close()
        self._db = rocks.open_database(self._path)
        self._broken = None
        _log.warning("the store takes writes again")

    def _end_snapshots(self) -> None:
        for reader in list(self._snapshots):
            reader.close()

    def snapshot(self) -> Snapshot:
        try:
            cursor = self._db.iter(rocksdict.ReadOptions())
        except Exception as err:
            raise rocks.failed("read", err) from err

        def get(key: bytes) -> bytes | None:
            rows = rows_of(key, key + b"\x00", 1)
            return rows[0][1] if rows else None

        def rows_of(lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
            try:
                return rocks.rows(cursor, lo, hi, limit, reverse)
            except Exception as err:
                raise rocks.failed("read", err) from err

        reader = SnapshotReader(get, rows_of)
        self._snapshots.add(reader)
        return reader

    # ---- durability

    def durable(self) -> Awaitable[None] | None:
        if self._durability == "process" or self._synced == self._version:
            return None
        # Many wait for one future, and one of them being cancelled must not cancel it.
        return asyncio.shield(self._join())

    def _join(self) -> asyncio.Future[None]:
        """The group whose sync will cover all that is visible now."""
        if self._group is not None and self._reach == self._version:
            return self._group
        if self._next is None:
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            # Not at once: what else commits in this step of the loop is to share the sync.
            loop.call_soon(self._sync_next)
        return self._next

    def _sync_next(self) -> None:
        """Start the waiting group's sync, if there is one and none is under way."""
        if self._next is None or self._group is not None:
            return
        group, self._next = self._next, None
        self._group = group
        self._reach = self._version

        def done(flushed: asyncio.Future[None]) -> None:
            self._group = None
            err = flushed.exception()
            if err is None:
                self._synced = self._reach
                group.set_result(None)
            else:
                _log.error("%s", err)
                group.set_exception(err)
                group.exception()  # whoever waits still gets it; this says that somebody has looked
            self._sync_next()

        asyncio.get_running_loop().run_in_executor(self._thread, self._sync).add_done_callback(done)

    def _sync(self) -> None:
        """Runs in the thread."""
        try:
            if self._broken is not None:
                raise type(self._broken)(*self._broken.args)
            if self.before_sync is not None:
                self.before_sync()
            self._db.flush_wal(True)
        except Exception as err:
            raise rocks.failed("sync", err) from err

    async def _sync_always(self) -> None:
        while True:
            await asyncio.sleep(_SYNC_PERIOD)
            if self._synced != self._version:
                with contextlib.suppress(StoreError):
                    await asyncio.shield(self._join())

    # ---- life

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._sync_always(), name="cumulet-wal")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._end_snapshots()
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._sync)
        finally:
            self._thread.shutdown()
            with contextlib.suppress(Exception):  # only what the sync has said already
                self._db.close()
            await super().close()
