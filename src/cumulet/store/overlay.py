"""The transaction that both adapters share: a dict of writes laid over a base that it merges on every read.

Nothing reaches the base before commit, so dropping a transaction costs nothing, a child is an overlay over an overlay, and the
adapter stays a thin thing that reads and writes one batch. Reads of the base are noted, for the check at commit.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from cumulet.base.errors import StoreError

from .api import MAX_KEY, MAX_TX, MAX_VALUE

T = TypeVar("T")
Pair = tuple[bytes, bytes]
Span = tuple[bytes, bytes]

POSITION = 10
"""Bytes of an append's position."""

_NOTHING = object()
_NO_TOPICS: frozenset[str] = frozenset()
_CHUNK = 64


class Source(Protocol):
    """What a transaction lies over: the committed state, or another transaction."""

    def get(self, key: bytes) -> bytes | None: ...
    def get_many(self, keys: list[bytes]) -> list[bytes | None]: ...
    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]: ...
    def cached(self, key: bytes, decode: Callable[[bytes], T]) -> T | None: ...


class OverlayTx:
    """A `Tx`. What it appends gets its keys at commit and is seen by no read before."""

    __slots__ = ("_base", "_size", "_sorted", "appends", "clears", "reads", "spans", "topics", "version", "writes")

    def __init__(self, base: Source, version: int) -> None:
        self._base = base
        self._size = 0
        self._sorted: list[bytes] | None = None
        self.version = version
        self.writes: dict[bytes, bytes | None] = {}
        self.clears: list[Span] = []
        self.appends: list[Pair] = []
        self.topics: frozenset[str] = _NO_TOPICS
        self.reads: list[bytes] = []
        self.spans: list[Span] = []

    # ---- reads

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`, this transaction's own writes first."""
        value = self.writes.get(key, _NOTHING)
        if value is not _NOTHING:
            return value  # type: ignore[return-value]
        if self.clears and self._cleared(key):
            return None
        self.reads.append(key)
        return self._base.get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        """The values at `keys`, in their order."""
        if not self.writes and not self.clears:
            self.reads += keys
            return self._base.get_many(keys)
        hidden = [key in self.writes or self._cleared(key) for key in keys]
        asked = [key for key, own in zip(keys, hidden, strict=True) if not own]
        self.reads += asked
        found = iter(self._base.get_many(asked) if asked else ())
        return [self.writes.get(key) if own else next(found) for key, own in zip(keys, hidden, strict=True)]

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        """See `api.Reader.range`."""
        if lo >= hi or limit <= 0:
            return []
        own = self._own(lo, hi)
        if not own and not self.clears:
            rows = self._base.range(lo, hi, limit, reverse=reverse)
        else:
            rows = self._merged(lo, hi, limit, own, reverse)
        if len(rows) < limit:
            self.spans.append((lo, hi))
        elif reverse:
            self.spans.append((rows[-1][0], hi))
        else:
            self.spans.append((lo, rows[-1][0] + b"\x00"))
        return rows

    def cached(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        """See `api.Reader.cached`; what this transaction wrote itself is decoded afresh."""
        if self.writes or self.clears:
            value = self.writes.get(key, _NOTHING)
            if value is not _NOTHING:
                return None if value is None else decode(value)  # type: ignore[arg-type]
            if self._cleared(key):
                return None
        self.reads.append(key)
        return self._base.cached(key, decode)

    # ---- writes

    def put(self, key: bytes, value: bytes) -> None:
        """Raises StoreError beyond the limits of a key, a value or a transaction."""
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            raise _too_large(key, value)
        if self._sorted is not None and key not in self.writes:
            insort(self._sorted, key)
        self.writes[key] = value
        self._size += len(key) + len(value)
        if self._size > MAX_TX:
            self._measure()

    def delete(self, key: bytes) -> None:
        """Deleting what is not there is no error."""
        if len(key) > MAX_KEY:
            raise _too_large(key, b"")
        if self._sorted is not None and key not in self.writes:
            insort(self._sorted, key)
        self.writes[key] = None
        self._size += len(key)
        if self._size > MAX_TX:
            self._measure()

    def clear_range(self, lo: bytes, hi: bytes) -> None:
        """See `api.Tx.clear_range`."""
        if lo >= hi:
            return
        if len(lo) > MAX_KEY + 1 or len(hi) > MAX_KEY + 1:
            raise StoreError(f"a range's bound has more than {MAX_KEY} bytes")
        for key in [key for key in self.writes if lo <= key < hi]:
            del self.writes[key]
        self._sorted = None
        self.clears.append((lo, hi))
        self._size += len(lo) + len(hi)
        if self._size > MAX_TX:
            self._measure()

    def append(self, log: bytes, value: bytes) -> None:
        """See `api.Tx.append`."""
        if len(log) > MAX_KEY - POSITION or len(value) > MAX_VALUE:
            raise _too_large(log, value)
        self.appends.append((log, value))
        self._size += len(log) + POSITION + len(value)
        if self._size > MAX_TX:
            self._measure()

    def touch(self, topic: str) -> None:
        """See `api.Tx.touch`."""
        self.topics |= {topic}

    # ---- nesting

    def child(self) -> ChildTx:
        """A transaction over this one."""
        return ChildTx(self)

    def merge(self) -> None:
        """Only a child has something to be merged into."""
        raise StoreError("this transaction has no parent: commit it")

    def absorb(self, child: OverlayTx) -> None:
        """Take over a child's writes, and leave it empty over the result."""
        for lo, hi in child.clears:
            self.clear_range(lo, hi)
        self._sorted = None
        self.writes.update(child.writes)
        self.appends += child.appends
        self.topics |= child.topics
        self._size += child._size
        child.forget()
        if self._size > MAX_TX:
            self._measure()

    def forget(self) -> None:
        """Drop every write."""
        self._sorted = None
        self._size = 0
        self.writes, self.clears, self.appends, self.topics = {}, [], [], _NO_TOPICS

    @property
    def dirty(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.writes or self.clears or self.appends or self.topics)

    # ---- inside

    def _cleared(self, key: bytes) -> bool:
        return any(lo <= key < hi for lo, hi in self.clears)

    def _own(self, lo: bytes, hi: bytes) -> list[bytes]:
        """The keys in [lo, hi) that this transaction wrote, sorted."""
        if not self.writes:
            return []
        if self._sorted is None:
            self._sorted = sorted(self.writes)
        return self._sorted[bisect_left(self._sorted, lo) : bisect_left(self._sorted, hi)]

    def _merged(self, lo: bytes, hi: bytes, limit: int, own: list[bytes], reverse: bool) -> list[Pair]:
        rows: list[Pair] = []
        if reverse:
            own.reverse()
        below = self._below(lo, hi, limit, reverse)
        lower: Pair | None = None
        ask, at = True, 0
        while len(rows) < limit:
            if ask:
                # Only now that a row is wanted: asking may fetch another chunk.
                lower, ask = next(below, None), False
            if at == len(own) or (lower is not None and lower[0] != own[at] and (lower[0] < own[at]) != reverse):
                if lower is None:
                    break
                rows.append(lower)
                ask = True
                continue
            ask = lower is not None and lower[0] == own[at]
            value = self.writes[own[at]]
            if value is not None:
                rows.append((own[at], value))
            at += 1
        return rows

    def _below(self, lo: bytes, hi: bytes, limit: int, reverse: bool) -> Iterator[Pair]:
        """The base's rows in [lo, hi) that no clear hides, fetched only as far as somebody asks."""
        size = min(limit, _CHUNK)
        gaps = uncovered(lo, hi, self.clears)
        for low, high in reversed(gaps) if reverse else gaps:
            start, end = low, high
            while True:
                rows = self._base.range(start, end, size, reverse=reverse)
                yield from rows
                if len(rows) < size:
                    break
                if reverse:
                    end = rows[-1][0]
                else:
                    start = rows[-1][0] + b"\x00"

    def _measure(self) -> None:
        """The exact size: the running sum counts a key again each time it is written."""
        size = sum(len(key) + len(value or b"") for key, value in self.writes.items())
        size += sum(len(lo) + len(hi) for lo, hi in self.clears)
        size += sum(len(log) + POSITION + len(value) for log, value in self.appends)
        self._size = size
        if size > MAX_TX:
            raise StoreError(f"a transaction of {size} bytes; at most {MAX_TX} fit into one")


class ChildTx(OverlayTx):
    """A nested transaction. After `merge` it is empty and may go on."""

    __slots__ = ("_parent",)

    def __init__(self, parent: OverlayTx) -> None:
        super().__init__(parent, parent.version)
        self._parent = parent

    def merge(self) -> None:
        """Fold the writes into the parent."""
        self._parent.absorb(self)


def uncovered(lo: bytes, hi: bytes, clears: list[Span]) -> list[Span]:
    """What of [lo, hi) lies in none of `clears`, ascending."""
    gaps = []
    for start, end in sorted(clears):
        if end <= lo:
            continue
        if start >= hi:
            break
        if start > lo:
            gaps.append((lo, start))
        lo = max(lo, end)
    if lo < hi:
        gaps.append((lo, hi))
    return gaps


def _too_large(key: bytes, value: bytes) -> StoreError:
    if len(value) > MAX_VALUE:
        return StoreError(f"a value of {len(value)} bytes; at most {MAX_VALUE} fit into one")
    return StoreError(f"a key of {len(key)} bytes; at most {MAX_KEY} fit into one")
