"""A kernel without a front door, on a clock that tests move; and log groups in the run's cloud."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from cumulet.app import make_registry
from cumulet.base.clock import ManualClock
from cumulet.base.context import root
from cumulet.base.ids import request_id
from cumulet.base.types import Json
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.store import memory

ACCOUNT = "111122223333"


class Room:
    """One account of one cloud in memory, called without HTTP."""

    def __init__(self) -> None:
        kv, blobs = memory.open()
        self.clock = ManualClock()

        def no_functions(_machine: Machine) -> Any:
            raise AssertionError("no functions here")

        self.machine = Machine(Settings(ephemeral=True, rehearse=True), kv, blobs, no_functions, self.clock)
        self.kernel = Kernel(self.machine, make_registry())

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.clock.time() * 1000)

    def context(self, service: str = "logs") -> Context:
        return Context(self.kernel, service, root(ACCOUNT), ACCOUNT, "us-east-1", request_id())

    async def acall(self, operation: str, **params: Any) -> Json:
        """Any operation of the service."""
        return await self.context().acall("logs", operation, params)

    def call(self, operation: str, **params: Any) -> Json:
        """An operation that does not wait."""
        return self.context().transact(lambda ctx: ctx.call("logs", operation, params))

    def count(self) -> int:
        """Records of the service in the store."""
        tx = self.machine.kv.begin()
        return sum(b"\x02logs\x00" in key for key, _ in tx.range(b"", b"\xff", 100_000))


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def new_room() -> type[Room]:
    """For tests that need many rooms."""
    return Room


@pytest.fixture
def logs(cloud: Any, account: str) -> Any:
    """A client of CloudWatch Logs in a fresh account."""
    return cloud.client("logs", account=account)


@pytest.fixture
def put(logs: Any) -> Callable[..., Any]:
    """`put(group, stream, [message, …] or [(time, message), …])`: group and stream are made where they are missing."""

    def put(group: str, stream: str, events: list[Any], start: int | None = None) -> Any:
        for make, names in (
            (logs.create_log_group, {"logGroupName": group}),
            (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                make(**names)
        begin = start if start is not None else int(time.time() * 1000) - 60_000
        batch = [
            {"timestamp": begin + n, "message": event}
            if isinstance(event, str)
            else {"timestamp": event[0], "message": event[1]}
            for n, event in enumerate(events)
        ]
        return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)

    return put
