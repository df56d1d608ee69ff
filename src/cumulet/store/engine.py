"""What every adapter's Kv does alike: begin, check, number and announce commits, and keep decoded records.

A transaction usually begins and commits within one step of the event loop: then no commit lies between and there is nothing to
check. Otherwise what it read is compared with what the last commits wrote; if those are no longer remembered it conflicts.
"""

from __future__ import annotations

import asyncio
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar, cast

from cumulet.base.errors import Conflict, StoreError

from .api import MAX_KEY, Snapshot, Tx
from .overlay import POSITION, OverlayTx, Pair, Span

T = TypeVar("T")

END = b"\xff" * (MAX_KEY + 1)
"""Sorts after every key."""

_REMEMBERED = 512
_MANY = 256
_CACHED = 4096
_SPENT = -1


_Commit = tuple[int, tuple[bytes, ...], list[Span]]
"""What is remembered of a commit: its version, the keys and the spans that it wrote."""


class Engine(ABC):
    """A Kv over an adapter's committed state. All of it runs on the event loop's thread."""

    def __init__(self, position: int = 0) -> None:
        self._version = 0
        self._position = position
        self._recent: deque[_Commit] = deque(maxlen=_REMEMBERED)
        self._decoded: dict[bytes, tuple[Callable[[bytes], Any], Any]] = {}
        self._watchers: dict[str, list[weakref.ref[asyncio.Event]]] = {}

    # ---- what an adapter supplies

    @abstractmethod
    def get(self, key: bytes) -> bytes | None:
        """The committed value."""

    @abstractmethod
    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The committed values."""

    @abstractmethod
    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        """The committed pairs; lo < hi and limit > 0."""

    @abstractmethod
    def write(self, clears: list[Span], writes: dict[bytes, bytes | None]) -> None:
        """Apply one batch, clears first, all or (raising StoreError) nothing."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """See `api.Kv.snapshot`."""

    # ---- transactions

    def begin(self) -> OverlayTx:
        """A new transaction over the committed state."""
        return OverlayTx(self, self._version)

    def commit(self, tx: Tx) -> None:
        """See `api.Kv.commit`. Raises StoreError, and changes nothing, where the write failed."""
        overlay = cast("OverlayTx", tx)
        if overlay.version != self._version:
            self._check(overlay)
        writes = overlay.writes
        clears = overlay.clears
        position = self._position
        if overlay.appends:
            writes = writes.copy()
            for log, value in overlay.appends:
                position += 1
                writes[log + position.to_bytes(POSITION, "big")] = value
        if writes or clears:
            self.write(clears, writes)
            self._position = position
            self._version += 1
            self._remember(clears, writes)
        overlay.version = _SPENT
        if overlay.topics:
            self.signal(overlay.topics)

    def _remember(self, clears: list[Span], writes: dict[bytes, bytes | None]) -> None:
        decoded = self._decoded
        if decoded:
            for key in writes:
                decoded.pop(key, None)
            for lo, hi in clears:
                for key in [key for key in decoded if lo <= key < hi]:
                    del decoded[key]
        if len(writes) > _MANY:
            # Keys are remembered, so few of them: a large commit stands for all that lies between its ends.
            clears = [*clears, (min(writes), max(writes) + b"\x00")]
            writes = {}
        self._recent.append((self._version, tuple(writes), clears))

    def _check(self, tx: OverlayTx) -> None:
        if tx.version == _SPENT:
            raise StoreError("this transaction has been committed already")
        if not tx.reads and not tx.spans:
            return
        if self._version - tx.version > len(self._recent):
            raise Conflict("too much was committed since this transaction began")
        reads = set(tx.reads)
        for version, keys, spans in reversed(self._recent):
            if version <= tx.version:
                return
            if _touches(keys, spans, reads, tx.spans):
                raise Conflict("another transaction has changed what this one read")

    def clear_all(self) -> None:
        """See `api.Kv.clear_all`. Positions of logs keep rising."""
        tx = self.begin()
        tx.clear_range(b"", END)
        self.commit(tx)
        self.signal(list(self._watchers))

    # ---- decoded records

    def cached(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        """See `api.Reader.cached`. That a key is absent is kept, too."""
        entry = self._decoded.get(key)
        if entry is not None and entry[0] is decode:
            return cast("T | None", entry[1])
        raw = self.get(key)
        value = None if raw is None else decode(raw)
        if len(self._decoded) >= _CACHED:
            del self._decoded[next(iter(self._decoded))]
        self._decoded[key] = (decode, value)
        return value

    # ---- watching

    def watch(self, topic: str) -> asyncio.Event:
        """See `api.Kv.watch`. Each call gives an event of its own; it is forgotten with its last reference."""
        event = asyncio.Event()

        def forget(ref: weakref.ref[asyncio.Event]) -> None:
            refs = self._watchers.get(topic)
            if refs is not None and ref in refs:
                refs.remove(ref)
                if not refs:
                    del self._watchers[topic]

        self._watchers.setdefault(topic, []).append(weakref.ref(event, forget))
        return event

    def signal(self, topics: Iterable[str]) -> None:
        """Set the events of those who watch `topics`."""
        for topic in topics:
            for ref in list(self._watchers.get(topic, ())):
                event = ref()
                if event is not None:
                    event.set()

    # ---- durability and life

    def durable(self) -> Awaitable[None] | None:
        """See `api.Kv.durable`: nothing to wait for, unless an adapter says so."""
        return None

    async def start(self) -> None:  # noqa: B027
        """See `api.Kv.start`: nothing to do, unless an adapter says so."""

    async def close(self) -> None:
        """See `api.Kv.close`."""
        self._decoded.clear()
        self._watchers.clear()


def _touches(keys: tuple[bytes, ...], written: list[Span], reads: set[bytes], spans: list[Span]) -> bool:
    """Whether a commit of `keys` and `written` wrote any of what was read."""
    if not reads.isdisjoint(keys):
        return True
    for lo, hi in written:
        if any(lo <= key < hi for key in reads) or any(lo < end and start < hi for start, end in spans):
            return True
    return any(lo <= key < hi for lo, hi in spans for key in keys)
