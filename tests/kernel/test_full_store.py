"""A store that takes no writes for a while: background work waits, is not done twice, and goes on by itself."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.base.errors import DiskFull
from cumulet.kernel import jobs, outbox
from cumulet.kernel.context import Context
from cumulet.kernel.outbox import Dead
from cumulet.kernel.service import Service, consumer, job
from cumulet.store import keys, memory

THING = keys.pack("thing")


class Store(memory.MemoryKv):
    """A store whose disk is full on demand."""

    full = False

    def commit(self, tx: Any) -> None:
        if tx.dirty and self.full:
            raise DiskFull("the disk is full")
        super().commit(tx)


@pytest.fixture
def store() -> Store:
    return Store()


def opened(house: Any, store: Store, service: Service) -> Any:
    return house(service, store=(store, memory.MemoryBlobs(store, 1.0)))


def emit(ctx: Context) -> None:
    ctx.emit("demo.take", {})


def test_an_event_waits_and_no_attempt_is_counted(
    house: Any, make_module: Any, run: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STORE_DELAY", 0.0001)
    attempts: list[int] = []

    def take(ctx: Context, detail: Any) -> None:
        attempts.append(1)
        ctx.tx.put(THING, b"done")

    async def main() -> None:
        async with opened(house, store, Service("demo", make_module(take=consumer("take")(take)))) as h:
            h.context().transact(emit)
            store.full = True
            await h.until(lambda: len(attempts) > 2 * outbox.MAX_ATTEMPTS)
            assert store.get(THING) is None
            store.full = False
            await h.until(lambda: h.kernel.outbox.idle)
            assert store.get(THING) == b"done"
            assert h.kernel.outbox.dead() == []

    run(main())


def test_what_left_the_store_leaves_it_once(
    house: Any,
    make_module: Any,
    run: Any,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(outbox, "STORE_DELAY", 0.0001)
    taken: list[int] = []

    async def take(ctx: Context, detail: Any) -> None:
        taken.append(1)
        store.full = True

    async def main() -> None:
        async with opened(house, store, Service("demo", make_module(take=consumer("take")(take)))) as h:
            h.context().transact(emit)
            await h.until(lambda: caplog.text.count("has to wait") > 3)
            assert not h.kernel.outbox.idle
            store.full = False
            await h.until(lambda: h.kernel.outbox.idle)
            assert len(taken) == 1

    run(main())


@pytest.mark.parametrize("error", [Dead("nothing will come of it"), ValueError("never")])
def test_a_dead_letter_is_stored_when_it_can_be(
    house: Any, make_module: Any, run: Any, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(outbox, "STORE_DELAY", 0.0001)
    monkeypatch.setattr(outbox, "FIRST_DELAY", 0.0001)
    attempts: list[int] = []

    async def take(ctx: Context, detail: Any) -> None:
        attempts.append(1)
        raise error

    async def main() -> None:
        async with opened(house, store, Service("demo", make_module(take=consumer("take")(take)))) as h:
            h.context().transact(emit)
            store.full = True
            await h.until(lambda: len(attempts) > outbox.MAX_ATTEMPTS)
            assert h.kernel.outbox.dead() == []
            store.full = False
            await h.until(lambda: h.kernel.outbox.idle)
            assert str(error) in h.kernel.outbox.dead()[0]["error"]

    run(main())


def test_a_job_is_taken_up_again(house: Any, make_module: Any, run: Any, store: Store) -> None:
    runs: list[int] = []

    def work(ctx: Context, detail: Any) -> None:
        runs.append(1)
        ctx.tx.put(THING, b"done")

    async def main() -> None:
        async with opened(house, store, Service("demo", make_module(work=job("work")(work)))) as h:
            h.context().transact(lambda ctx: ctx.schedule("demo.work", {}, h.clock.time() + 10))
            store.full = True
            h.clock.advance(11)
            h.kernel.jobs.poke()
            # It cannot even be leased.
            await h.until(lambda: not h.kernel.jobs._running and h.kernel.jobs._heap)
            assert runs == []
            store.full = False
            h.clock.advance(jobs.RETRY + 1)
            h.kernel.jobs.poke()
            await h.until(lambda: store.get(THING) == b"done")
            assert len(runs) == 1

    run(main())


def test_a_cloud_with_a_full_disk_ends(house: Any, make_module: Any, run: Any, store: Store) -> None:
    async def take(ctx: Context, detail: Any) -> None:
        raise ValueError("never")

    async def main() -> None:
        async with opened(house, store, Service("demo", make_module(take=consumer("take")(take)))) as h:
            h.context().transact(emit)
            store.full = True

    run(main())
