"""Contexts: transactions, calls between services, long reads."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from cumulet.base.context import service as service_principal
from cumulet.base.errors import AwsError, Conflict
from cumulet.kernel.context import Context
from cumulet.kernel.service import Service, operation


@operation
def put(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Writes a key; `Fail` after it has written."""
    ctx.tx.put(req["Key"].encode(), req["Value"].encode())
    if req.get("Fail"):
        raise AwsError("Refused", "after the write")
    return {"Caller": ctx.principal.arn, "Account": ctx.account}


@operation
async def slow_put(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Writes a key in a transaction of its own."""
    ctx.transact(lambda inside: inside.tx.put(req["Key"].encode(), b"slow"))
    return {}


@operation
def scan(ctx: Context, req: dict[str, Any]) -> Generator[None, None, dict[str, Any]]:
    """Counts what it sees at each step."""
    seen = 0
    for _ in range(req["Steps"]):
        seen = len(ctx.tx.range(b"", b"\xff", 1000))
        yield
    return {"Seen": seen}


@pytest.fixture
def demo(make_module: Callable[..., Any]) -> Service:
    return Service("demo", make_module(put=put, slow_put=slow_put, scan=scan))


def read(house: Any, key: bytes) -> bytes | None:
    value: bytes | None = house.kernel.machine.kv.begin().get(key)
    return value


def test_a_call_shares_the_callers_transaction(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:

            def outer(ctx: Context) -> None:
                ctx.call("demo", "Put", {"Key": "a", "Value": "1"})
                assert ctx.tx.get(b"a") == b"1"
                assert read(h, b"a") is None

            h.context().transact(outer)
            assert read(h, b"a") == b"1"

    run(main())


def test_an_error_of_the_callee_drops_only_its_writes(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:

            def outer(ctx: Context) -> None:
                ctx.tx.put(b"mine", b"kept")
                with pytest.raises(AwsError):
                    ctx.call("demo", "Put", {"Key": "theirs", "Value": "1", "Fail": True})

            h.context().transact(outer)
            assert read(h, b"mine") == b"kept"
            assert read(h, b"theirs") is None

    run(main())


def test_an_error_drops_everything(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:

            def outer(ctx: Context) -> None:
                ctx.call("demo", "Put", {"Key": "a", "Value": "1"})
                raise AwsError("Refused", "")

            with pytest.raises(AwsError):
                h.context().transact(outer)
            assert read(h, b"a") is None

    run(main())


def test_a_call_is_made_as_the_principal_that_is_given(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:
            who = service_principal("s3.amazonaws.com", "999988887777", "arn:aws:s3:::bucket")
            answer = await h.context().acall(
                "demo", "Put", {"Key": "a", "Value": "1"}, principal=who, account="999988887777"
            )
            assert answer == {"Caller": "s3.amazonaws.com", "Account": "999988887777"}

    run(main())


def test_a_transaction_cannot_call_what_waits(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:
            with pytest.raises(RuntimeError, match="waits or streams"):
                h.context().transact(lambda ctx: ctx.call("demo", "SlowPut", {"Key": "a"}))

    run(main())


def test_transact_runs_again_after_a_lost_race(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:
            attempts = []

            def racing(ctx: Context) -> bytes | None:
                seen = ctx.tx.get(b"counter")
                attempts.append(seen)
                if len(attempts) == 1:
                    h.context().transact(lambda other: other.tx.put(b"counter", b"theirs"))
                ctx.tx.put(b"counter", (seen or b"") + b"+mine")
                return seen

            assert h.context().transact(racing) == b"theirs"
            assert attempts == [None, b"theirs"]
            assert read(h, b"counter") == b"theirs+mine"

    run(main())


def test_a_race_that_is_always_lost_ends(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:

            def hopeless(ctx: Context) -> None:
                ctx.tx.get(b"counter")
                h.context().transact(lambda other: other.tx.put(b"counter", b"theirs"))
                ctx.tx.put(b"counter", b"mine")

            with pytest.raises(Conflict):
                h.context().transact(hopeless)

    run(main())


def test_a_long_read_sees_one_state(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo) as h:
            h.context().transact(lambda ctx: ctx.tx.put(b"a", b"1"))
            ctx = h.context()
            handler = h.kernel.registry.handler("demo", "Scan")
            steps = handler.run(ctx, {"Steps": 3})
            reading = h.kernel._read_long(ctx, _writing_between(h, steps))
            assert (await reading) == {"Seen": 1}
            assert len(h.kernel.machine.kv.begin().range(b"", b"\xff", 10)) > 1

    def _writing_between(h: Any, steps: Any) -> Any:
        number = 0
        while True:
            number += 1
            h.context().transact(lambda ctx, n=number: ctx.tx.put(b"later%d" % n, b""))
            try:
                next(steps)
            except StopIteration as stop:
                return stop.value
            yield

    run(main())


def test_rehearsal_shows_side_effects(house: Any, demo: Service, run: Any) -> None:
    async def main() -> None:
        async with house(demo, rehearse=True) as h:
            runs = []
            h.context().transact(lambda ctx: runs.append(ctx))
            assert len(runs) == 2

    run(main())
