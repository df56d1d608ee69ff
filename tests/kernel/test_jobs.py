"""Jobs run when they are due, once, and survive the process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from cumulet.kernel import jobs
from cumulet.kernel.context import Context
from cumulet.kernel.service import Service, job
from cumulet.store import keys, memory


def worker(make_module: Callable[..., Any], work: Callable[..., Any]) -> Service:
    """A service with one job, `demo.work`."""
    return Service("demo", make_module(work=job("work")(work)))


def left(house: Any) -> int:
    lo, hi = keys.bounds(jobs.JOB)
    return len(house.kernel.machine.kv.begin().range(lo, hi, 1000))


def test_a_job_runs_when_it_is_due_and_not_before(house: Any, make_module: Any, run: Any) -> None:
    seen: list[Any] = []

    def work(ctx: Context, detail: Any) -> None:
        seen.append((detail, ctx.account))

    async def main() -> None:
        async with house(worker(make_module, work)) as h:
            due = h.clock.time() + 100
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {"n": 1}, due))
            h.clock.advance(99)
            h.kernel.jobs._tick()
            assert not h.kernel.jobs._running
            h.clock.advance(2)
            h.kernel.jobs.poke()
            await h.until(lambda: left(h) == 0)
            assert seen == [({"n": 1}, "111122223333")]

    run(main())


def test_a_job_that_names_its_next_time_goes_on(house: Any, make_module: Any, run: Any) -> None:
    seen: list[float] = []

    async def work(ctx: Context, detail: Any) -> float | None:
        seen.append(ctx.now)
        return ctx.now + 60 if len(seen) < 3 else None

    async def main() -> None:
        async with house(worker(make_module, work)) as h:
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {}, h.clock.time(), job_id="daily"))
            for times in (1, 2, 3):
                await h.until(lambda times=times: len(seen) == times and not h.kernel.jobs._running)
                h.clock.advance(60)
                h.kernel.jobs.poke()
            assert left(h) == 0
            assert [later - seen[0] for later in seen] == [0, 60, 120]

    run(main())


def test_a_job_whose_next_time_is_now_runs_again_at_once(house: Any, make_module: Any) -> None:
    seen: list[int] = []

    def work(ctx: Context, detail: Any) -> float | None:
        seen.append(1)
        return ctx.now if len(seen) < 10 else None

    async def main() -> None:
        async with house(worker(make_module, work)) as h:
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {}, h.clock.time()))
            await h.until(lambda: left(h) == 0)
            assert len(seen) == 10

    # uvloop runs a call that is due at once before the callbacks of a task that ends.
    uvloop.run(main())


def test_a_job_of_the_same_id_replaces_the_earlier_and_can_be_cancelled(house: Any, make_module: Any, run: Any) -> None:
    seen: list[Any] = []

    async def main() -> None:
        async with house(worker(make_module, lambda ctx, detail: seen.append(detail))) as h:
            soon = h.clock.time() + 1
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {"n": 1}, soon, job_id="x"))
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {"n": 2}, soon + 5, job_id="x"))
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {"n": 3}, soon, job_id="y"))
            h.context().transact(lambda ctx: ctx.cancel("y"))
            h.clock.advance(2)
            h.kernel.jobs.poke()
            await h.until(lambda: not h.kernel.jobs._running)
            h.clock.advance(10)
            h.kernel.jobs.poke()
            await h.until(lambda: left(h) == 0)
            assert seen == [{"n": 2}]

    run(main())


def test_a_failing_job_is_tried_again(house: Any, make_module: Any, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    attempts: list[int] = []

    def work(ctx: Context, detail: Any) -> None:
        attempts.append(1)
        ctx.tx.put(b"attempt%d" % len(attempts), b"")
        if len(attempts) == 1:
            raise ValueError("not yet")

    async def main() -> None:
        async with house(worker(make_module, work)) as h:
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {}, h.clock.time()))
            await h.until(lambda: len(attempts) == 1 and not h.kernel.jobs._running)
            assert left(h) == 1
            h.clock.advance(jobs.RETRY + 1)
            h.kernel.jobs.poke()
            await h.until(lambda: left(h) == 0)
            tx = h.kernel.machine.kv.begin()
            assert (tx.get(b"attempt1"), tx.get(b"attempt2")) == (None, b"")

    run(main())
    assert "job demo.work failed" in caplog.text


def test_jobs_survive_the_process(house: Any, make_module: Any, run: Any) -> None:
    store = memory.open()
    seen: list[Any] = []

    async def first() -> None:
        async with house(worker(make_module, lambda ctx, detail: None), store=store) as h:
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {"n": 1}, h.clock.time() + 10))

    async def second() -> None:
        async with house(worker(make_module, lambda ctx, detail: seen.append(detail)), store=store) as h:
            h.clock.advance(20)
            h.kernel.jobs.poke()
            await h.until(lambda: seen == [{"n": 1}] and left(h) == 0)

    run(first())
    run(second())


def test_a_finish_without_the_lease_changes_nothing(house: Any, make_module: Any, run: Any) -> None:
    async def main() -> None:
        async with house(worker(make_module, lambda ctx, detail: None)) as h:
            job_id = h.context().transact(lambda ctx: ctx.schedule("demo.work", {}, h.clock.time() + 50))
            h.context().transact(lambda ctx: h.kernel.jobs._finish(ctx, job_id, "somebody else", None))
            assert left(h) == 1

    run(main())
