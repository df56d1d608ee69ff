"""Coroutines are run at once as far as they go."""

from __future__ import annotations

import asyncio

import pytest

from cumulet.kernel import inline


def test_a_coroutine_that_never_waits_is_done_at_once() -> None:
    async def main() -> None:
        async def quick() -> int:
            return 7

        done = inline.start(quick())
        assert isinstance(done, inline.Done)
        assert done.value == 7

    asyncio.run(main())


def test_one_that_waits_goes_on_as_an_awaitable() -> None:
    async def main() -> None:
        steps = []

        async def slow() -> int:
            steps.append("begun")
            await asyncio.sleep(0)
            for _ in range(3):
                await asyncio.sleep(0.001)
            steps.append("ended")
            return 7

        running = inline.start(slow())
        assert steps == ["begun"]
        assert not isinstance(running, inline.Done)
        assert await running == 7
        assert steps == ["begun", "ended"]

    asyncio.run(main())


def test_errors_come_out_where_they_happen() -> None:
    async def main() -> None:
        async def at_once() -> None:
            raise ValueError("at once")

        async def later() -> None:
            await asyncio.sleep(0)
            raise ValueError("later")

        with pytest.raises(ValueError, match="at once"):
            inline.start(at_once())
        running = inline.start(later())
        assert not isinstance(running, inline.Done)
        with pytest.raises(ValueError, match="later"):
            await running

    asyncio.run(main())


def test_cancellation_reaches_the_coroutine() -> None:
    async def main() -> None:
        cleaned = []

        async def waits() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(True)

        running = inline.start(waits())
        assert not isinstance(running, inline.Done)
        task = asyncio.ensure_future(running)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned == [True]

    asyncio.run(main())
