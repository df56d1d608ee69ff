"""Jobs: what must happen at a time. Records in an index by due time, a heap in memory, a lease while one runs.

A job's lease is a token that only the holder knows; the transaction that finishes the job checks it, so that a job that
was taken over by somebody else cannot be finished twice.
"""

from __future__ import annotations

import asyncio
import heapq
import inspect
import logging
from functools import partial
from typing import TYPE_CHECKING

from cumulet.base import context as principals
from cumulet.base.errors import StoreError
from cumulet.base.ids import hexid, request_id
from cumulet.base.types import Json
from cumulet.store import keys, records
from cumulet.store.api import Tx

from .context import Context

if TYPE_CHECKING:
    from .kernel import Kernel

log = logging.getLogger(__name__)

DUE = keys.pack("", "", "kernel", "job-due")
JOB = keys.pack("", "", "kernel", "job")
PAGE = 500
RETRY = 5.0
LEASE = 60.0


class Jobs:
    """The scheduler. The heap holds (due, id) only and is rebuilt from the store."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._heap: list[tuple[float, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()
        self._open = False

    def schedule(self, ctx: Context, kind: str, detail: Json, due: float, job_id: str | None) -> str:
        """Write a job in the transaction of `ctx`; see Context.schedule."""
        job_id = job_id or hexid()
        self.cancel(ctx.tx, job_id)
        record = {"kind": kind, "account": ctx.account, "region": ctx.region, "detail": detail, "due": due}
        ctx.tx.put(JOB + keys.pack(job_id), records.encode(record))
        ctx.tx.put(DUE + keys.pack(int(due * 1000), job_id), b"")
        self._push(due, job_id)  # a heap entry whose transaction never commits finds no record and is dropped
        return job_id

    def cancel(self, tx: Tx, job_id: str) -> None:
        """Delete a job's records."""
        raw = tx.get(JOB + keys.pack(job_id))
        if raw is not None:
            tx.delete(JOB + keys.pack(job_id))
            tx.delete(DUE + keys.pack(int(records.decode(raw)["due"] * 1000), job_id))

    def start(self) -> None:
        """Read what is due from the store."""
        self._open = True
        tx = self.kernel.machine.kv.begin()
        lo, hi = keys.bounds(DUE)
        while page := tx.range(lo, hi, PAGE):
            for key, _ in page:
                due, job_id = keys.unpack(key[len(DUE) :])
                assert isinstance(due, int)
                self._heap.append((due / 1000, str(job_id)))
            lo = page[-1][0] + b"\x00"
        heapq.heapify(self._heap)
        self._arm()

    def forget(self) -> None:
        """Drop the heap (the store is being cleared)."""
        self._heap.clear()
        self._waiting.clear()
        for task in self._running.values():
            task.cancel()

    def close(self) -> None:
        """Stop. A job that was running is run again after the next start."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._running.values():
            task.cancel()

    def poke(self) -> None:
        """Look at the clock again (a test moved it)."""
        self._arm()

    def _push(self, due: float, job_id: str) -> None:
        heapq.heappush(self._heap, (due, job_id))
        if self._open and self._heap[0] == (due, job_id):
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._open and self._heap:
            delay = max(0.0, self._heap[0][0] - self.kernel.machine.clock.time())
            self._timer = asyncio.get_running_loop().call_later(min(delay, 3600.0), self._tick)

    def _tick(self) -> None:
        now = self.kernel.machine.clock.time()
        while self._heap and self._heap[0][0] <= now:
            _, job_id = heapq.heappop(self._heap)
            if job_id in self._running:
                # It has been scheduled anew by the run that is just ending: look again when that has ended.
                self._waiting.add(job_id)
            else:
                task = asyncio.get_running_loop().create_task(self._run(job_id), name=f"job {job_id}")
                self._running[job_id] = task
                task.add_done_callback(partial(self._ended, job_id))
        self._arm()

    def _ended(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._running.pop(job_id, None)
        if job_id in self._waiting:
            self._waiting.discard(job_id)
            self._push(self.kernel.machine.clock.time(), job_id)
        if not task.cancelled() and (err := task.exception()) is not None:
            # The store takes no writes. The record is as it was, so that the job can be taken up again.
            log.error("a job could not be put back: %s", err, exc_info=None if isinstance(err, StoreError) else err)
            self._push(self.kernel.machine.clock.time() + RETRY, job_id)

    async def _run(self, job_id: str) -> None:
        token = hexid(8)
        record = self._context("kernel", "", "").transact(lambda ctx: self._lease(ctx, job_id, token))
        if record is None:
            return
        service, _, name = record["kind"].partition(".")
        ctx = self._context(service, record["account"], record["region"])
        try:
            found = self.kernel.registry.service(service)
            run = found.jobs[name] if found is not None else None
            if run is None:
                raise LookupError(f"nobody runs {record['kind']}")
            if inspect.iscoroutinefunction(run):
                due = await run(ctx, record["detail"])
                ctx.transact(lambda inside: self._finish(inside, job_id, token, due))
            else:
                ctx.transact(lambda inside: self._finish(inside, job_id, token, run(inside, record["detail"])))
        except Exception:  # a job that fails is tried again for ever: what it was to do is still to be done
            log.exception("job %s failed", record["kind"])
            later = self.kernel.machine.clock.time() + RETRY
            ctx.transact(lambda inside: self._finish(inside, job_id, token, later))

    def _lease(self, ctx: Context, job_id: str, token: str) -> Json | None:
        raw = ctx.tx.get(JOB + keys.pack(job_id))
        if raw is None:
            return None
        record: Json = records.decode(raw)
        if record["due"] > ctx.now:
            return None
        ctx.tx.put(JOB + keys.pack(job_id), records.encode({**record, "lease": token, "until": ctx.now + LEASE}))
        return record

    def _finish(self, ctx: Context, job_id: str, token: str, again: float | None) -> None:
        raw = ctx.tx.get(JOB + keys.pack(job_id))
        if raw is None:
            return
        record: Json = records.decode(raw)
        if record.get("lease") != token:
            return
        self.cancel(ctx.tx, job_id)
        if again is not None:
            owner = ctx.derive(ctx.service, ctx.principal, record["account"], record["region"])
            owner.bind(ctx.tx)
            self.schedule(owner, record["kind"], record["detail"], again, job_id)

    def _context(self, service: str, account: str, region: str) -> Context:
        who = principals.service(f"{service}.amazonaws.com", account)
        return Context(self.kernel, service, who, account, region, request_id())
