"""The kernel: transactions with everything that must commit together, long reads, and the gate that every call
passes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

from cumulet.base.errors import AwsError
from cumulet.base.types import Json

from .audit import Audit
from .authorise import check
from .context import Context
from .jobs import Jobs
from .machine import Machine
from .outbox import Outbox
from .registry import Registry
from .service import Handler, Kind

log = logging.getLogger(__name__)
T = TypeVar("T")

SLICE = 0.002
"""Seconds that a long read may hold the loop before others get their turn."""

LAST_WORDS = 1.0
"""Seconds that what functions printed last has to get into the store at the end."""


class Kernel:
    """One running cloud, without its front door."""

    def __init__(self, machine: Machine, registry: Registry) -> None:
        self.machine = machine
        self.registry = registry
        self.outbox = Outbox(self)
        self.jobs = Jobs(self)
        self.audit = Audit(machine)
        self.rehearse = machine.settings.rehearse
        self.closing: list[Callable[[], Awaitable[None]]] = []
        """What brings soft buffers into the store: called at the end, and before an event counts as done."""
        registry.bind(machine)

    async def start(self) -> None:
        """Take up what an earlier process left: undelivered events, jobs."""
        await self.machine.kv.start()
        await self.machine.blobs.start()
        self.outbox.start()
        self.jobs.start()

    async def close(self, grace: float = 5.0) -> None:
        """Stop background work; whatever is unfinished stays in the store and goes on at the next start."""
        self.jobs.close()
        await self.outbox.close(grace)
        functions = self.machine.started_functions
        if functions is not None:
            await functions.close()
        await self.last_words()
        await self.machine.blobs.close()
        await self.machine.kv.close()

    async def last_words(self) -> None:
        """Have what functions have printed so far in the store."""
        # A store that takes no writes (a full disk) must not keep the cloud from ending.
        try:
            async with asyncio.timeout(LAST_WORDS):
                for last in self.closing:
                    await last()
        except TimeoutError:
            log.warning("log lines of functions could not be stored yet")

    async def reset(self) -> None:
        """Forget everything: a cloud as new.

        Functions that run are ended, and what they have printed is out of the way, before the store is cleared: nothing
        of the old cloud may appear in the new one.
        """
        functions = self.machine.started_functions
        if functions is not None:
            await functions.discard("", now=True)
            await self.last_words()
        self.outbox.forget()
        self.jobs.forget()
        self.audit.forget()
        self.machine.kv.clear_all()
        await self.machine.blobs.clear_all()

    # running operations

    def run(self, ctx: Context, fn: Callable[[Context], T]) -> T:
        """Run `fn(ctx)` in one transaction, commit, and hand on what it emitted. Raises Conflict where it must be run
        again."""
        kv = self.machine.kv
        if self.rehearse:
            self._rehearse(ctx, fn)
        tx = ctx.begin()
        result = fn(ctx)
        if tx.dirty:
            kv.commit(tx)
        if ctx.events:
            self.outbox.deliver(ctx.events)
        return result

    def _rehearse(self, ctx: Context, fn: Callable[[Context], Any]) -> None:
        # Under test every transaction is run once for nothing, as if it had lost a race: an operation with a side
        # effect outside
        # its transaction shows at once.
        twin = ctx.derive(ctx.service, ctx.principal, ctx.account, ctx.region)
        twin.bind(self.machine.kv.begin())
        try:
            fn(twin)
        except AwsError:
            return

    async def drive(self, ctx: Context, handler: Handler, params: Json) -> Json:
        """Run an async or a long reading operation to its end."""
        if handler.kind is Kind.ASYNC:
            result: Json = await handler.run(ctx, params)
            return result
        return await self._read_long(ctx, handler.run(ctx, params))

    async def _read_long(self, ctx: Context, steps: Generator[None, None, Json]) -> Json:
        snapshot = self.machine.kv.snapshot()
        try:
            ctx.bind(snapshot)  # type: ignore[arg-type]  # a long read only reads
            until = time.perf_counter() + SLICE
            while True:
                try:
                    next(steps)
                except StopIteration as stop:
                    result: Json = stop.value
                    return result
                if time.perf_counter() >= until:
                    await asyncio.sleep(0)
                    until = time.perf_counter() + SLICE
        finally:
            steps.close()
            snapshot.close()

    def authorise(self, ctx: Context, handler: Handler, params: Json) -> None:
        """May the context's principal do this? Raises AwsError in AWS's words."""
        check(ctx, handler, params)
