"""An ordered map of bytes in memory: sorted chunks under a list, with snapshots that share every chunk nobody has changed since."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

Pair = tuple[bytes, bytes]

_FULL = 512


class _Chunk:
    """Up to 512 pairs in order. `owner` is the map that may change it in place."""

    __slots__ = ("keys", "owner", "values")

    def __init__(self, owner: object, keys: list[bytes], values: list[bytes]) -> None:
        self.owner = owner
        self.keys = keys
        self.values = values


class SortedMap:
    """get, set, delete, clear and range in about the logarithm of its length; `snapshot` in 1/512 of its length."""

    __slots__ = ("_chunks", "_firsts", "_token")

    def __init__(self) -> None:
        self._token = object()
        self._chunks: list[_Chunk] = []
        # The first key of each chunk when it was made: chunk i holds keys from _firsts[i] up to below _firsts[i + 1].
        self._firsts: list[bytes] = []

    def snapshot(self) -> SortedMap:
        """A map that later changes of this one do not change."""
        copy = SortedMap()
        copy._chunks = self._chunks.copy()
        copy._firsts = self._firsts.copy()
        # From now on neither map owns the chunks they share: whoever changes one copies it first.
        self._token = object()
        return copy

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`."""
        at = bisect_right(self._firsts, key) - 1
        if at < 0:
            return None
        keys = self._chunks[at].keys
        i = bisect_left(keys, key)
        return self._chunks[at].values[i] if i < len(keys) and keys[i] == key else None

    def set(self, key: bytes, value: bytes) -> None:
        """Put a pair."""
        if not self._chunks:
            self._chunks.append(_Chunk(self._token, [], []))
            self._firsts.append(b"")
        at = bisect_right(self._firsts, key) - 1
        chunk = self._mine(at)
        i = bisect_left(chunk.keys, key)
        if i < len(chunk.keys) and chunk.keys[i] == key:
            chunk.values[i] = value
            return
        chunk.keys.insert(i, key)
        chunk.values.insert(i, value)
        if len(chunk.keys) > _FULL:
            half = len(chunk.keys) // 2
            self._chunks.insert(at + 1, _Chunk(self._token, chunk.keys[half:], chunk.values[half:]))
            self._firsts.insert(at + 1, chunk.keys[half])
            del chunk.keys[half:], chunk.values[half:]

    def delete(self, key: bytes) -> None:
        """Remove a key that may be absent."""
        if self.get(key) is not None:
            self.clear(key, key + b"\x00")

    def clear(self, lo: bytes, hi: bytes) -> None:
        """Remove every key in [lo, hi)."""
        first = max(bisect_right(self._firsts, lo) - 1, 0)
        last = bisect_left(self._firsts, hi)
        for at in range(last - 1, first - 1, -1):
            keys = self._chunks[at].keys
            start, end = bisect_left(keys, lo), bisect_left(keys, hi)
            if start == end:
                continue
            if at and end - start == len(keys):
                del self._chunks[at], self._firsts[at]
                continue
            chunk = self._mine(at)
            del chunk.keys[start:end], chunk.values[start:end]

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        """At most `limit` pairs in [lo, hi), from either end."""
        rows: list[Pair] = []
        first = max(bisect_right(self._firsts, lo) - 1, 0)
        last = bisect_left(self._firsts, hi)
        for at in range(last - 1, first - 1, -1) if reverse else range(first, last):
            chunk = self._chunks[at]
            start, end = bisect_left(chunk.keys, lo), bisect_left(chunk.keys, hi)
            if reverse:
                start = max(start, end - limit + len(rows))
            else:
                end = min(end, start + limit - len(rows))
            found = list(zip(chunk.keys[start:end], chunk.values[start:end], strict=True))
            rows += reversed(found) if reverse else found
            if len(rows) >= limit:
                break
        return rows

    def _mine(self, at: int) -> _Chunk:
        chunk = self._chunks[at]
        if chunk.owner is not self._token:
            chunk = self._chunks[at] = _Chunk(self._token, chunk.keys.copy(), chunk.values.copy())
        return chunk
