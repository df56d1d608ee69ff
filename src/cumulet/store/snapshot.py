"""A snapshot: reads of one state that commits pass by, over whatever an adapter can read such a state with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from cumulet.base.errors import StoreError

from .overlay import Pair

T = TypeVar("T")


class Range(Protocol):
    """How an adapter ranges over a frozen state; lo < hi and limit > 0."""

    def __call__(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]: ...


class SnapshotReader:
    """See `api.Snapshot`. It has no shared cache: that one follows the commits."""

    def __init__(
        self, get: Callable[[bytes], bytes | None], rows: Range, release: Callable[[], None] | None = None
    ) -> None:
        self._get: Callable[[bytes], bytes | None] | None = get
        self._rows: Range | None = rows
        self._release = release

    def get(self, key: bytes) -> bytes | None:
        if self._get is None:
            raise StoreError("the snapshot has been closed")
        return self._get(key)

    def get_many(self, keys: list[bytes]) -> list[bytes | None]:
        return [self.get(key) for key in keys]

    def range(self, lo: bytes, hi: bytes, limit: int, *, reverse: bool = False) -> list[Pair]:
        if self._rows is None:
            raise StoreError("the snapshot has been closed")
        return self._rows(lo, hi, limit, reverse=reverse) if lo < hi and limit > 0 else []

    def cached(self, key: bytes, decode: Callable[[bytes], T]) -> T | None:
        raw = self.get(key)
        return None if raw is None else decode(raw)

    def close(self) -> None:
        self._get = self._rows = None
        if self._release is not None:
            self._release()
            self._release = None
