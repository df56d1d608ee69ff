"""A kernel on a store in memory, with services that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from cumulet.base.clock import ManualClock
from cumulet.base.context import root
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Service
from cumulet.store import memory

ACCOUNT = "111122223333"


class House:
    """A kernel and what a test needs of it."""

    def __init__(self, kernel: Kernel, clock: ManualClock) -> None:
        self.kernel = kernel
        self.clock = clock

    def context(self, service: str = "demo") -> Context:
        """A context as a request of the account's root would have."""
        return Context(self.kernel, service, root(ACCOUNT), ACCOUNT, "us-east-1", "request-1")

    async def until(self, condition: Callable[[], bool]) -> None:
        """Give background work its turns until something holds."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def module(**members: Any) -> ModuleType:
    """A module of operations, as a service's file would be."""
    made = ModuleType("made_up")
    for name, value in members.items():
        value.__module__ = "made_up"
        setattr(made, name, value)
    return made


def no_functions(machine: Machine) -> Any:
    raise AssertionError("no test of the kernel runs a function")


@asynccontextmanager
async def opened(*services: Service, rehearse: bool = False, store: Any = None) -> AsyncIterator[House]:
    """A started kernel with these services."""
    kv, blobs = store or memory.open()
    clock = ManualClock()
    machine = Machine(Settings(ephemeral=True, rehearse=rehearse), kv, blobs, no_functions, clock)
    table = {service.name: service for service in services}
    kernel = Kernel(machine, Registry(table, table.__getitem__))
    await kernel.start()
    try:
        yield House(kernel, clock)
    finally:
        await kernel.close(grace=1.0)


@pytest.fixture
def house() -> Callable[..., Any]:
    """`async with house(service, …) as h`."""
    return opened


@pytest.fixture
def make_module() -> Callable[..., ModuleType]:
    """`make_module(put_item=fn)`."""
    return module


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end."""
    return asyncio.run
