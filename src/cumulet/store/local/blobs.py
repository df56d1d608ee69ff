"""Blobs as files: `blobs/ab/<id>`, where `ab` are the id's first two letters."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, TypeVar

from cumulet.base import ids
from cumulet.base.errors import DiskFull, StoreError

from ..counted import PIECE, CountedBlobs
from .kv import LocalKv

T = TypeVar("T")

_NOWAIT = getattr(os, "RWF_NOWAIT", 0)
_TRASH = "trash-"


class LocalBlobs(CountedBlobs):
    """Blobs under the directory `root`."""

    def __init__(self, kv: LocalKv, root: Path, durability: Literal["process", "commit"], delay: float) -> None:
        super().__init__(kv, delay)
        self.root = root
        self.eager = durability == "commit"
        self.unsynced: deque[str] = deque()  # appended to on the loop, taken from in the Kv's thread
        self._folders: set[str] = set()
        self._synced_folders: set[str] = set()
        # Several threads: file systems sync many files at once far faster than one after the other.
        self._threads = ThreadPoolExecutor(4, "cumulet-blob")
        kv.before_sync = self._sync_written

    def create(self) -> LocalWriter:
        blob_id = self.intend()
        try:
            return LocalWriter(self, blob_id, self._make(blob_id))
        except OSError as err:
            self.withdraw(blob_id)
            raise failed(err) from err

    def _make(self, blob_id: str) -> int:
        folder = blob_id[:2]
        if folder not in self._folders:
            (self.root / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folders.add(folder)
        return os.open(self.path(blob_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def open(self, blob_id: str) -> LocalReader:
        """See `api.Blobs.open`. A file shorter than at its adoption (an operating-system crash) is an error, too."""
        try:
            fd = os.open(self.path(blob_id), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as err:
            raise StoreError(f"blob {blob_id} is missing") from err
        except OSError as err:
            raise failed(err) from err
        reader = LocalReader(self, fd, os.fstat(fd).st_size)
        expected = self.expected_size(blob_id)
        if expected is not None and expected != reader.size:
            reader.close()
            raise StoreError(f"blob {blob_id} is damaged: {reader.size} bytes, not {expected}")
        return reader

    def path(self, blob_id: str) -> str:
        return f"{self.root}/{blob_id[:2]}/{blob_id}"

    def stored_size(self, blob_id: str) -> int | None:
        try:
            return os.stat(self.path(blob_id)).st_size  # noqa: PTH116
        except FileNotFoundError:
            return None

    async def remove(self, blob_ids: list[str]) -> None:
        def run() -> None:
            for blob_id in blob_ids:
                Path(self.path(blob_id)).unlink(missing_ok=True)

        await self.in_thread(run)

    async def remove_all(self) -> None:
        # Out of the way in one step, for whoever writes next, and then away.
        self._folders.clear()
        self._synced_folders.clear()
        self.unsynced.clear()
        if self.root.exists():
            self.root.rename(self.root.with_name(_TRASH + ids.hexid(4)))
        await self._empty_trash()

    async def start(self) -> None:
        await self._empty_trash()
        await super().start()

    async def close(self) -> None:
        await super().close()
        self._threads.shutdown()

    async def _empty_trash(self) -> None:
        def run() -> None:
            for folder in trash:
                shutil.rmtree(folder, ignore_errors=True)

        trash = list(self.root.parent.glob(_TRASH + "*"))
        if trash:
            await self.in_thread(run)

    async def in_thread(self, run: Callable[[], T]) -> T:
        """Run what waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    # ---- durability

    def sync(self, fd: int, blob_id: str) -> None:
        """Put a file and its name on the disk."""
        os.fsync(fd)
        folder = self.root / blob_id[:2]
        _sync_folder(folder)
        if folder.name not in self._synced_folders:
            _sync_folder(self.root)
            _sync_folder(self.root.parent)
            self._synced_folders.add(folder.name)

    def _sync_written(self) -> None:
        """Sync what was finished since the last time. Runs in the Kv's thread, before the rows that refer to it are synced."""
        while self.unsynced:
            blob_id = self.unsynced.popleft()
            try:
                fd = os.open(self.path(blob_id), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # deleted since
            try:
                self.sync(fd, blob_id)
            except FileNotFoundError:
                continue
            except OSError:
                self.unsynced.appendleft(blob_id)
                raise
            finally:
                os.close(fd)


class LocalWriter:
    """See `api.BlobWriter`. A write on the disk's way may outlive its caller's cancellation; `abort` waits for it."""

    def __init__(self, blobs: LocalBlobs, blob_id: str, fd: int) -> None:
        self.id = blob_id
        self.size = 0
        self._blobs = blobs
        self._fd = fd
        self._pending: asyncio.Future[None] | None = None

    async def write(self, data: bytes) -> None:
        try:
            if len(data) <= PIECE:
                # Into the page cache, which is quicker than handing it to a thread.
                self._write(data)
            else:
                await self._in_thread(lambda: self._write(data))
        except OSError as err:
            raise failed(err) from err
        self.size += len(data)

    def _write(self, data: bytes) -> None:
        done = os.write(self._fd, data)
        while done < len(data):
            done += os.write(self._fd, memoryview(data)[done:])

    async def _in_thread(self, run: Callable[[], None]) -> None:
        self._pending = asyncio.ensure_future(self._blobs.in_thread(run))
        await asyncio.shield(self._pending)
        self._pending = None

    async def finish(self) -> None:
        try:
            if self._blobs.eager:
                await self._in_thread(lambda: self._blobs.sync(self._fd, self.id))
            else:
                self._blobs.unsynced.append(self.id)
        except OSError as err:
            raise failed(err) from err
        self._close()

    async def abort(self) -> None:
        if self._pending is not None:
            await asyncio.wait([self._pending])
            self._pending = None
        self._close()
        if self._blobs.intended(self.id):
            await self._blobs.remove([self.id])
            self._blobs.withdraw(self.id)

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        if self._pending is None:
            self._close()


class LocalReader:
    """See `api.BlobReader`."""

    def __init__(self, blobs: LocalBlobs, fd: int, size: int) -> None:
        self.size = size
        self._blobs = blobs
        self._fd = fd

    async def chunks(self, offset: int, length: int) -> AsyncIterator[bytes]:
        end = min(offset + length, self.size)
        while offset < end:
            size = min(PIECE, end - offset)
            piece = await self._read(size, offset)
            if not piece:
                raise StoreError("a blob became shorter while it was read")
            offset += len(piece)
            yield piece

    async def _read(self, size: int, offset: int) -> bytes:
        try:
            if _in_memory(self._fd, offset + size - 1):
                return os.pread(self._fd, size, offset)
            # A descriptor of its own: `close` may come while the thread waits for the disk.
            fd = os.dup(self._fd)
            return await self._blobs.in_thread(lambda: _read_and_close(fd, size, offset))
        except OSError as err:
            raise failed(err) from err

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _in_memory(fd: int, offset: int) -> bool:
    """Whether reading this byte would not wait for the disk; where the system cannot say, that it would not."""
    if not _NOWAIT:
        return True
    try:
        os.preadv(fd, [bytearray(1)], offset, _NOWAIT)
    except BlockingIOError:
        return False
    except OSError as err:
        if err.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    return True


def _read_and_close(fd: int, size: int, offset: int) -> bytes:
    try:
        return os.pread(fd, size, offset)
    finally:
        os.close(fd)


def failed(err: OSError) -> StoreError:
    """The error of a file operation."""
    if err.errno == errno.ENOSPC:
        return DiskFull("the disk is full: free some space and try again")
    return StoreError(f"a blob's file could not be used: {err}")
