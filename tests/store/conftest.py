"""Both adapters behind one fixture, each with its own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from cumulet.store import local, memory
from cumulet.store.api import Blobs, Kv

T = TypeVar("T")


class Store:
    """A store under test. `run` drives what is async on the loop that the store's background work lives on."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.directory = directory
        self.runner = asyncio.Runner()
        self.kv: Kv
        self.blobs: Blobs
        self.open()

    def open(self) -> None:
        async def start() -> None:
            if self.kind == "memory":
                self.kv, self.blobs = memory.open(delete_delay=0.05)
            else:
                self.kv, self.blobs = local.open(self.directory, "process", delete_delay=0.05)
            await self.kv.start()
            await self.blobs.start()

        self.run(start())

    def close(self) -> None:
        async def stop() -> None:
            await self.blobs.close()
            await self.kv.close()

        self.run(stop())

    def run(self, work: Awaitable[T]) -> T:
        async def drive() -> T:
            return await work

        return self.runner.run(drive())

    def until(self, condition: Callable[[], bool]) -> None:
        """Let background work go on until `condition` holds."""

        async def wait() -> None:
            async with asyncio.timeout(10):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.005)

        self.run(wait())

    def put(self, pairs: dict[bytes, bytes]) -> None:
        tx = self.kv.begin()
        for key, value in pairs.items():
            tx.put(key, value)
        self.kv.commit(tx)

    def all(self) -> list[tuple[bytes, bytes]]:
        """Everything but the store's own rows, which begin with 0x01."""
        return self.kv.begin().range(b"\x02", b"\xff\xff", 10_000)


class Open(Protocol):
    """Opens a store of a kind; closed when the test ends."""

    def __call__(self, kind: str, directory: Path | None = None) -> Store: ...


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    stores: list[Store] = []

    def make(kind: str, directory: Path | None = None) -> Store:
        store = Store(kind, directory or tmp_path / "data")
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.close()
        store.runner.close()


@pytest.fixture(params=["memory", "local"])
def store(request: Any, open_store: Open) -> Store:
    return open_store(request.param)
