"""Run a coroutine until it first waits for something real; most never do, and then no task is made."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Done:
    """The result of a coroutine that never waited."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class _Resumed:
    """A coroutine that has been started by hand, as an awaitable that goes on where it stopped."""

    __slots__ = ("coro", "first")

    def __init__(self, coro: Coroutine[Any, Any, Any], first: Any) -> None:
        self.coro = coro
        self.first = first

    def __await__(self) -> Generator[Any, Any, Any]:
        waiting = self.first
        try:
            while True:
                try:
                    sent = yield waiting
                except BaseException as err:  # cancellation too must reach the coroutine, not only us
                    waiting = self.coro.throw(err)
                else:
                    waiting = self.coro.send(sent)
        except StopIteration as stop:
            return stop.value


if sys.version_info >= (3, 12):

    def start(coro: Coroutine[Any, Any, T]) -> Done | Awaitable[T]:
        """Start `coro` now. Returns Done where it ended without waiting, else an awaitable of its result; raises what
        it raised."""
        task = asyncio.Task(coro, loop=asyncio.get_running_loop(), eager_start=True)
        return Done(task.result()) if task.done() else task

else:

    def start(coro: Coroutine[Any, Any, T]) -> Done | Awaitable[T]:
        """Start `coro` now. Returns Done where it ended without waiting, else an awaitable of its result; raises what
        it raised."""
        try:
            first = coro.send(None)
        except StopIteration as stop:
            return Done(stop.value)
        return _Resumed(coro, first)
