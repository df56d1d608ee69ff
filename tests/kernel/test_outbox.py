"""Events: delivered after the commit, at least once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cumulet.base.errors import AwsError
from cumulet.kernel import outbox
from cumulet.kernel.context import Context
from cumulet.kernel.outbox import Dead, Retry
from cumulet.kernel.service import Service, consumer
from cumulet.store import keys, memory


def taker(make_module: Callable[..., Any], take: Callable[..., Any]) -> Service:
    """A service with one consumer, `demo.take`."""
    return Service("demo", make_module(take=consumer("take")(take)))


def emit(ctx: Context, detail: dict[str, Any]) -> None:
    ctx.emit("demo.take", detail)


def pending(house: Any) -> int:
    lo, hi = keys.bounds(outbox.PENDING)
    return len(house.kernel.machine.kv.begin().range(lo, hi, 1000))


def test_an_event_is_delivered_after_the_commit(house: Any, make_module: Any, run: Any) -> None:
    seen: list[Any] = []

    def take(ctx: Context, detail: Any) -> None:
        seen.append((ctx.account, ctx.region, ctx.principal.name, detail))
        ctx.tx.put(b"taken", b"1")

    async def main() -> None:
        async with house(taker(make_module, take)) as h:

            def send(ctx: Context) -> None:
                emit(ctx, {"n": 1})
                assert seen == []

            h.context().transact(send)
            await h.until(lambda: h.kernel.outbox.idle)
            assert seen == [("111122223333", "us-east-1", "demo.amazonaws.com", {"n": 1})]
            assert h.kernel.machine.kv.begin().get(b"taken") == b"1"
            assert pending(h) == 0

    run(main())


def test_a_dropped_transaction_emits_nothing(house: Any, make_module: Any, run: Any) -> None:
    seen: list[Any] = []

    async def main() -> None:
        async with house(taker(make_module, lambda ctx, detail: seen.append(detail))) as h:

            def fail(ctx: Context) -> None:
                emit(ctx, {})
                raise AwsError("Refused", "")

            with pytest.raises(AwsError):
                h.context().transact(fail)
            assert h.kernel.outbox.idle
            assert pending(h) == 0
        assert seen == []

    run(main())


def test_a_failing_consumer_is_tried_again_and_its_writes_are_dropped(
    house: Any, make_module: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_DELAY", 0.001)
    attempts: list[int] = []

    def take(ctx: Context, detail: Any) -> None:
        attempts.append(1)
        ctx.tx.put(b"attempt%d" % len(attempts), b"")
        if len(attempts) < 3:
            raise ValueError("not yet")

    async def main() -> None:
        async with house(taker(make_module, take)) as h:
            h.context().transact(lambda ctx: emit(ctx, {}))
            await h.until(lambda: h.kernel.outbox.idle)
            tx = h.kernel.machine.kv.begin()
            assert [tx.get(b"attempt%d" % n) for n in (1, 2, 3)] == [None, None, b""]

    run(main())


def test_after_the_last_attempt_an_event_is_kept_as_a_dead_letter(
    house: Any, make_module: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "FIRST_DELAY", 0.0001)

    def take(ctx: Context, detail: Any) -> None:
        raise ValueError("never")

    async def main() -> None:
        async with house(taker(make_module, take)) as h:
            h.context().transact(lambda ctx: emit(ctx, {"n": 7}))
            await h.until(lambda: h.kernel.outbox.idle)
            (letter,) = h.kernel.outbox.dead()
            assert letter["detail"] == {"n": 7}
            assert letter["attempts"] == outbox.MAX_ATTEMPTS
            assert "ValueError: never" in letter["error"]
            assert pending(h) == 0

    run(main())


def test_a_consumer_can_give_up_at_once(house: Any, make_module: Any, run: Any) -> None:
    attempts: list[int] = []

    async def take(ctx: Context, detail: Any) -> None:
        attempts.append(1)
        raise Dead("nothing will come of it")

    async def main() -> None:
        async with house(taker(make_module, take)) as h:
            h.context().transact(lambda ctx: emit(ctx, {}))
            await h.until(lambda: h.kernel.outbox.idle)
            (letter,) = h.kernel.outbox.dead()
            assert letter["error"] == "nothing will come of it"
            assert len(attempts) == 1

    run(main())


def test_slow_events_hold_up_only_their_own_kind(
    house: Any, make_module: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_RUNNING", 2)
    seen: list[Any] = []

    async def main() -> None:
        release = asyncio.Event()

        async def slow(ctx: Context, detail: Any) -> None:
            await release.wait()
            seen.append("slow")

        async def quick(ctx: Context, detail: Any) -> None:
            seen.append("quick")

        service = Service("demo", make_module(slow=consumer("slow")(slow), quick=consumer("quick")(quick)))
        async with house(service) as h:

            def send(ctx: Context) -> None:
                for _ in range(5):
                    ctx.emit("demo.slow", {})
                ctx.emit("demo.quick", {})

            h.context().transact(send)
            await h.until(lambda: seen == ["quick"])
            release.set()
            await h.until(lambda: h.kernel.outbox.idle)
            assert seen == ["quick"] + ["slow"] * 5

    run(main())


def test_a_consumer_can_ask_for_another_time_with_changed_detail(house: Any, make_module: Any, run: Any) -> None:
    seen: list[int] = []

    async def take(ctx: Context, detail: Any) -> None:
        seen.append(detail["n"])
        if detail["n"] < 3:
            raise Retry(0.001, {"n": detail["n"] + 1})

    async def main() -> None:
        async with house(taker(make_module, take)) as h:
            h.context().transact(lambda ctx: emit(ctx, {"n": 1}))
            await h.until(lambda: h.kernel.outbox.idle)
            assert seen == [1, 2, 3]

    run(main())


def test_what_was_not_delivered_is_delivered_by_the_next_process(house: Any, make_module: Any, run: Any) -> None:
    store = memory.open()
    seen: list[Any] = []

    async def never(ctx: Context, detail: Any) -> None:
        await asyncio.Event().wait()

    async def take(ctx: Context, detail: Any) -> None:
        seen.append(detail["n"])

    async def first() -> None:
        async with house(taker(make_module, never), store=store) as h:
            for n in range(1200):
                h.context().transact(lambda ctx, n=n: emit(ctx, {"n": n}))
            await asyncio.sleep(0)
            assert pending(h) == 1000

    async def second() -> None:
        async with house(taker(make_module, take), store=store) as h:
            await h.until(lambda: h.kernel.outbox.idle)
            assert sorted(seen) == list(range(1200))
            assert pending(h) == 0

    run(first())
    run(second())


def test_the_cursor_never_passes_an_event_that_waits(house: Any, make_module: Any, run: Any) -> None:
    store = memory.open()
    held: list[Any] = []

    async def take(ctx: Context, detail: Any) -> None:
        if detail.get("hold"):
            held.append(detail)
            raise Retry(1000)

    async def first() -> None:
        async with house(taker(make_module, take), store=store) as h:
            h.context().transact(lambda ctx: emit(ctx, {"hold": True}))
            for _ in range(outbox.CURSOR_EVERY + 10):
                h.clock.advance(1)
                h.context().transact(lambda ctx: emit(ctx, {}))
            await h.until(lambda: pending(h) == 1)
            assert h.kernel.machine.kv.begin().get(outbox.CURSOR) is not None

    async def second() -> None:
        async with house(taker(make_module, take), store=store) as h:
            await h.until(lambda: len(held) == 2)

    run(first())
    run(second())
