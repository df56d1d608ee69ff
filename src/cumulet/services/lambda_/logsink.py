"""From workers' output to CloudWatch Logs: lines gather for a moment, then go in batches, in order, stream by stream."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import islice
from typing import NamedTuple

from cumulet.base import context as principals
from cumulet.base.errors import CumuletError
from cumulet.base.ids import request_id
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.run.functions import FunctionSpec

from . import roles

log = logging.getLogger(__name__)


class Destination(NamedTuple):
    """Where lines go, and the role whose right to write them there counts, as in AWS."""

    account: str
    region: str
    group: str
    stream: str
    role: str


LINGER = 0.002
"""Seconds that lines wait for those that follow."""
PAUSE = 0.002
"""Seconds between two deliveries: an invocation that ends sooner after one lets its lines wait for the next invocation's."""
LAST_LINE = "REPORT RequestId:"
"""How the last line of an invocation begins."""
MAX_EVENTS = 1000
MAX_BYTES = 512 * 1024
RETRIES = (0.05, 0.2, 1.0, 5.0)
"""Seconds between attempts to deliver a batch; the last one repeats."""


class Sink:
    """Takes log events and delivers them. What it holds is lost only with the process.

    Lines linger for two milliseconds, so that a short invocation costs one delivery, unless its REPORT line comes before.
    Where invocations follow each other quicker than that they share deliveries, which else cost more than the invocations do.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._waiting: dict[Destination, deque[tuple[int, str]]] = {}
        self._timers: dict[Destination, asyncio.TimerHandle] = {}
        self._running: dict[Destination, asyncio.Task[None]] = {}
        self._delivered = float("-inf")
        self._warned: set[str] = set()

    def __call__(self, spec: FunctionSpec, stream: str, events: list[tuple[int, str]]) -> None:
        """Take events (milliseconds since the epoch, text) of a function."""
        if not events:
            return
        to = Destination(spec.account, spec.region, spec.log_group, stream, spec.role)
        queue = self._waiting.get(to)
        if queue is None:
            queue = self._waiting[to] = deque()
        queue.extend(events)
        if to in self._running:
            return
        loop = asyncio.get_running_loop()
        ended = events[-1][1].startswith(LAST_LINE)
        if ended and loop.time() - self._delivered >= PAUSE:
            self._start(to)
        elif to not in self._timers:
            self._timers[to] = loop.call_later(PAUSE if ended else LINGER, self._start, to)

    def _start(self, to: Destination) -> None:
        timer = self._timers.pop(to, None)
        if timer is not None:
            timer.cancel()
        loop = asyncio.get_running_loop()
        self._delivered = loop.time()
        self._running[to] = loop.create_task(self._deliver(to, self._waiting[to]), name="lambda logs")

    async def flush(self) -> None:
        """Have everything that was taken so far delivered: for a graceful end."""
        for to in list(self._timers):
            self._start(to)
        await asyncio.gather(*self._running.values())

    async def _deliver(self, to: Destination, queue: deque[tuple[int, str]]) -> None:
        try:
            while queue:
                batch = _head(queue)
                await self._put(to, batch)
                for _ in batch:
                    queue.popleft()
        finally:
            # Whatever came meanwhile is in the same queue; after a cancellation it waits for the next lines.
            del self._running[to]
            if not queue:
                del self._waiting[to]

    async def _put(self, to: Destination, batch: list[tuple[int, str]]) -> None:
        account, region, group = to.account, to.region, to.group
        if not self._permitted(to):
            return
        request = {
            "logGroupName": group,
            "logStreamName": to.stream,
            "logEvents": [{"timestamp": when, "message": text} for when, text in batch],
        }
        for attempt in range(1_000_000):
            who = principals.service("lambda.amazonaws.com", account)
            ctx = Context(self._kernel, "lambda", who, account, region, request_id())
            try:
                await ctx.acall("logs", "DeliverEvents", request)
                return
            except CumuletError as err:
                log.warning("log events of %s cannot be delivered yet: %s", group, err)
                await asyncio.sleep(RETRIES[min(attempt, len(RETRIES) - 1)])
            except Exception:  # a batch that breaks the logs service must not stop those behind it
                log.exception("log events of %s are lost", group)
                return

    def _permitted(self, to: Destination) -> bool:
        """Whether the function's role may write its log; where it may not, nothing is written, and the server's log says so once."""
        session = roles.session(self._kernel.machine.kv.begin(), to.role, "logs")
        if session is None:
            return True  # the role is gone; whoever reads the log wants to know what its last workers did
        ctx = Context(self._kernel, "logs", session, to.account, to.region, request_id())
        arn = f"arn:aws:logs:{to.region}:{to.account}:log-group:{to.group}:log-stream:{to.stream}"
        refused = ctx.refusal("logs:CreateLogStream", arn) or ctx.refusal("logs:PutLogEvents", arn)
        if refused is None:
            self._warned.discard(to.role)
            return True
        if to.role not in self._warned:
            self._warned.add(to.role)
            log.warning(
                "no log of %s: %s. Attach the policy AWSLambdaBasicExecutionRole to the role.",
                to.group,
                refused.message,
            )
        return False


def _head(queue: deque[tuple[int, str]]) -> list[tuple[int, str]]:
    """The events that go next, as many as fit a batch."""
    batch = list(islice(queue, MAX_EVENTS))
    size = 0
    for count, (_, text) in enumerate(batch):
        size += len(text) * 3 + 26
        if size > MAX_BYTES and count:
            return batch[:count]
    return batch


def make_sink(kernel: Kernel) -> Sink:
    """Where function workers' log events go in a cloud: a LogSink that can be flushed."""
    return Sink(kernel)
