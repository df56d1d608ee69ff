"""The outbox: events that commit with the transaction that caused them and are delivered afterwards, at least once.

An event is a record under (outbox, id); ids begin with the time, so that after a crash one bounded scan from a
remembered cursor finds what is left. A synchronous consumer's transaction deletes the record with its own writes:
exactly once inside the store. An async one deletes it when it has ended: at least once for what leaves the store.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import logging
import os
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING, Any

from cumulet.base import context as principals
from cumulet.base.errors import CumuletError, StoreError
from cumulet.base.ids import request_id
from cumulet.base.types import Json
from cumulet.store import keys, records

from .context import Context

if TYPE_CHECKING:
    from .kernel import Kernel

log = logging.getLogger(__name__)

PENDING = keys.pack("", "", "kernel", "outbox")
DEAD = keys.pack("", "", "kernel", "dead")
CURSOR = keys.pack("", "", "kernel", "outbox-cursor")

MAX_ATTEMPTS = 6
MAX_RUNNING = 1000
"""Deliveries of one kind at a time: slow ones (functions that run) hold up their own kind only."""
FIRST_DELAY = 0.2
STORE_DELAY = 1.0
"""Seconds between deliveries that fail because the store takes no writes."""
KEEP_DEAD = 14 * 86400.0
PAGE = 500
CURSOR_EVERY = 1000


class Retry(CumuletError):
    """Raised by a consumer: deliver this event again, `after` seconds from now. It says itself when it has had
    enough."""

    def __init__(self, after: float, detail: Json | None = None) -> None:
        super().__init__(f"again in {after} s")
        self.after = after
        self.detail = detail


class Dead(CumuletError):
    """Raised by a consumer: nothing will come of this event, keep it as a dead letter at once. The message says why."""


class Outbox:
    """Delivers events. Its queues in memory are a view of the store and can be lost."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._sequence = itertools.count()
        self._salt = os.urandom(4)
        self._waiting: dict[str, deque[tuple[bytes, Json]]] = {}
        self._busy: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._pending: dict[bytes, None] = {}
        self._delivered = 0
        self._open = False

    # adding

    def add(self, ctx: Context, kind: str, detail: Json) -> None:
        """Put an event into the transaction of `ctx`."""
        event = {"kind": kind, "account": ctx.account, "region": ctx.region, "detail": detail, "attempts": 0}
        key = PENDING + keys.pack(int(ctx.now * 1e6), next(self._sequence), self._salt)
        ctx.tx.put(key, records.encode(event))
        ctx.events.append((key, event))

    def deliver(self, events: list[tuple[bytes, Json]]) -> None:
        """Take up committed events."""
        for key, event in events:
            self._pending[key] = None
            self._queue(key, event)

    def _queue(self, key: bytes, event: Json) -> None:
        self._waiting.setdefault(event["kind"], deque()).append((key, event))
        if self._open:
            self._pump(event["kind"])

    # life

    def start(self) -> None:
        """Find what an earlier process left undelivered."""
        self._open = True
        tx = self.kernel.machine.kv.begin()
        lo, hi = keys.bounds(PENDING)
        lo = max(lo, tx.get(CURSOR) or b"")
        while page := tx.range(lo, hi, PAGE):
            self.deliver([(key, records.decode(raw)) for key, raw in page])
            lo = page[-1][0] + b"\x00"

    def forget(self) -> None:
        """Drop every event in memory (the store is being cleared)."""
        self._waiting.clear()
        self._pending.clear()
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        for task in self._running:
            task.cancel()

    async def close(self, grace: float) -> None:
        """Let running deliveries end for `grace` seconds; the rest is delivered after the next start."""
        self._open = False
        for timer in self._timers:
            timer.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be delivered."""
        return not self._pending

    # delivery

    def _pump(self, kind: str) -> None:
        waiting = self._waiting.get(kind)
        while waiting and self._busy[kind] < MAX_RUNNING:
            key, event = waiting.popleft()
            self._busy[kind] += 1
            task = asyncio.get_running_loop().create_task(self._deliver(key, event), name=f"deliver {kind}")
            self._running.add(task)
            task.add_done_callback(partial(self._ended, kind))

    def _ended(self, kind: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._busy[kind] -= 1
        if not task.cancelled() and (err := task.exception()) is not None:
            log.error("an event could not be put back", exc_info=err)
        if self._open:
            self._pump(kind)

    async def _deliver(self, key: bytes, event: Json) -> None:
        try:
            await self._consume(key, event)
        except Retry as again:
            if again.detail is not None:
                event = {**event, "detail": again.detail}
            self._put_off(key, event, again.after)
        except Dead as err:
            self._bury(key, {**event, "error": str(err)})
        except StoreError as err:  # a full disk, say, which is nobody's fault here: no attempt is counted
            log.warning("event %s has to wait: %s", event["kind"], err)
            self._later(key, event, STORE_DELAY)
        except Exception as err:  # whatever a consumer raises, the event must not be lost
            attempts = event["attempts"] + 1
            event = {**event, "attempts": attempts, "error": f"{type(err).__name__}: {err}"}
            if attempts >= MAX_ATTEMPTS:
                log.exception("event %s failed %d times and is kept as a dead letter", event["kind"], attempts)
                self._bury(key, event)
            else:
                log.warning("event %s failed (attempt %d): %s", event["kind"], attempts, err)
                self._put_off(key, event, FIRST_DELAY * 4 ** (attempts - 1))

    async def _consume(self, key: bytes, event: Json) -> None:
        service, _, name = event["kind"].partition(".")
        found = self.kernel.registry.service(service)
        consume = found.consumers.get(name) if found is not None else None
        if consume is None:
            raise LookupError(f"nobody takes {event['kind']}")
        ctx = self.context(service, event["account"], event["region"])
        if inspect.iscoroutinefunction(consume):
            if not event.get("taken"):
                await consume(ctx, event["detail"])
                event["taken"] = True  # a deletion that fails is tried again alone: what was done is not done twice
            ctx.transact(lambda done: self._delete(done, key))
        else:

            def both(inside: Context) -> None:
                consume(inside, event["detail"])
                self._delete(inside, key)

            ctx.transact(both)
        self._pending.pop(key, None)

    def _delete(self, ctx: Context, key: bytes) -> None:
        ctx.tx.delete(key)
        self._delivered += 1
        if self._delivered % CURSOR_EVERY == 0:
            # _pending keeps the order of arrival, which is nearly that of the keys; a second's slack covers the
            # difference.
            oldest = next(iter(self._pending), key)
            taken_at = keys.unpack(oldest[len(PENDING) :])[0]
            assert isinstance(taken_at, int)
            ctx.tx.put(CURSOR, PENDING + keys.pack(taken_at - 60_000_000))

    def _put_off(self, key: bytes, event: Json, delay: float) -> None:
        ctx = self.context("kernel", event["account"], event["region"])
        try:
            ctx.transact(lambda inside: inside.tx.put(key, records.encode(event)))
        except StoreError as err:  # it is stored as it was, and this process knows better
            log.warning("an attempt at event %s could not be recorded: %s", event["kind"], err)
        self._later(key, event, delay)

    def _later(self, key: bytes, event: Json, delay: float) -> None:
        if not self._open:
            return
        loop = asyncio.get_running_loop()
        box: list[asyncio.TimerHandle] = []

        def due() -> None:
            self._timers.discard(box[0])
            self._queue(key, event)

        box.append(loop.call_later(delay, due))
        self._timers.add(box[0])

    def _bury(self, key: bytes, event: Json) -> None:
        def move(ctx: Context) -> None:
            ctx.tx.delete(key)
            ctx.tx.put(DEAD + key[len(PENDING) :], records.encode(event))
            ctx.tx.clear_range(keys.bounds(DEAD)[0], DEAD + keys.pack(int((ctx.now - KEEP_DEAD) * 1e6)))

        try:
            self.context("kernel", event["account"], event["region"]).transact(move)
        except StoreError as err:
            log.warning("a dead letter could not be stored: %s", err)
            self._later(key, event, STORE_DELAY)
        else:
            self._pending.pop(key, None)

    def dead(self, limit: int = 100) -> list[Any]:
        """The newest dead letters."""
        lo, hi = keys.bounds(DEAD)
        return [records.decode(raw) for _, raw in self.kernel.machine.kv.begin().range(lo, hi, limit, reverse=True)]

    def context(self, service: str, account: str, region: str) -> Context:
        """A context in which `service` acts on its own behalf in an account."""
        who = principals.service(f"{service}.amazonaws.com", account)
        return Context(self.kernel, service, who, account, region, request_id())
