"""Workers: reuse, concurrency, limits, updates, idleness, and what is left at the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cumulet.run.functions import Outcome, TooManyWorkers

if TYPE_CHECKING:
    from tests.run.functions.conftest import Lab

APP = """
import os, time, signal, threading

def who(event, context):
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

def wait(event, context):
    deadline = time.time() + 10
    print("waiting")
    while not os.path.exists(event) and time.time() < deadline:
        time.sleep(0.005)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

def nap(event, context):
    time.sleep(event)
    return os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

def die_soon(event, context):
    threading.Timer(0.02, os._exit, [1]).start()
"""


@pytest.fixture(autouse=True)
def _code(lab: Lab) -> None:
    lab.write("app.py", APP)


def _workers(lab: Lab) -> int:
    return len(lab.functions._workers)


def _started(lab: Lab) -> int:
    return sum(text.startswith("START ") for text in lab.texts)


def test_calls_at_the_same_time_get_workers_of_their_own(lab: Lab) -> None:
    async def many() -> list[str]:
        spec = lab.spec("app.nap")
        outcomes = await asyncio.gather(*(lab.start(spec, 0.1) for _ in range(5)))
        return [json.loads(outcome.payload) for outcome in outcomes]

    assert len(set(lab.runner.run(many()))) == 5
    # Afterwards one after the other: always the one that was used last, so that the others can go.
    assert len({lab.call("app.nap", 0) for _ in range(5)}) == 1
    assert _workers(lab) == 5


def test_another_key_is_another_worker(lab: Lab) -> None:
    assert lab.call("app.who", key="a") != lab.call("app.who", key="b")
    assert lab.call("app.who", key="a") == lab.call("app.who", key="a")


def test_reserved_concurrency_is_a_limit(lab: Lab) -> None:
    async def two() -> None:
        spec = lab.spec("app.nap", concurrency=1)
        first = asyncio.ensure_future(lab.start(spec, 0.2))
        await asyncio.sleep(0)
        with pytest.raises(TooManyWorkers) as refused:
            await lab.start(spec, 0)
        assert refused.value.reserved
        await first
        await lab.start(spec, 0)
        with pytest.raises(TooManyWorkers):
            await lab.start(lab.spec("app.nap", concurrency=0), 0)

    lab.runner.run(two())


def test_the_machines_limit_ends_idle_workers_first(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(max_workers=2)
    lab.write("app.py", APP)
    one = lab.call("app.who", key="one")
    lab.call("app.who", key="two")
    lab.call("app.who", key="three")
    lab.runner.run(lab.until(lambda: _workers(lab) == 2))
    assert lab.call("app.who", key="one") != one

    async def beyond() -> None:
        busy = [asyncio.ensure_future(lab.start(lab.spec("app.nap", key=str(n)), 0.3)) for n in range(2)]
        await lab.until(lambda: _started(lab) == 6)
        with pytest.raises(TooManyWorkers) as refused:
            await lab.start(lab.spec("app.nap", key="3"), 0)
        assert not refused.value.reserved
        await asyncio.gather(*busy)

    lab.runner.run(beyond())


def test_discarded_workers_end_now_or_after_their_invocation(lab: Lab, tmp_path: Path) -> None:
    async def update() -> None:
        idle = json.loads((await lab.start(lab.spec("app.who", key="f:1:a"))).payload)
        other = json.loads((await lab.start(lab.spec("app.who", key="g:1"))).payload)
        busy = asyncio.ensure_future(lab.start(lab.spec("app.nap", key="f:1:b"), 0.3))
        await lab.until(lambda: _started(lab) == 3)
        await lab.functions.discard("f:1:")
        assert json.loads((await lab.start(lab.spec("app.who", key="f:1:a"))).payload) != idle
        assert (await busy).error is None
        assert json.loads((await lab.start(lab.spec("app.who", key="g:1"))).payload) == other
        await lab.until(lambda: _workers(lab) == 2)

    lab.runner.run(update())


def test_idle_workers_end_after_a_while(make_lab: Callable[..., Lab], processes: Callable[[int], set[int]]) -> None:
    lab = make_lab(idle_seconds=0.1)
    lab.write("app.py", APP)
    lab.call("app.who")
    before = len(processes(os.getpid()))
    lab.runner.run(lab.until(lambda: _workers(lab) == 0))
    lab.runner.run(lab.until(lambda: len(processes(os.getpid())) < before))
    lab.call("app.who")


def test_a_worker_that_died_while_idle_is_replaced(lab: Lab) -> None:
    lab.call("app.die_soon")
    lab.runner.run(lab.until(lambda: _workers(lab) == 0))
    assert lab.outcome("app.die_soon").error is None


def test_a_zygote_that_died_takes_its_workers_along_and_is_replaced(
    lab: Lab, processes: Callable[[int], set[int]]
) -> None:
    if os.environ.get("CUMULET_TEST_ISOLATION") == "spawn":
        pytest.skip("plain interpreters have no zygote")

    async def kill() -> Outcome:
        others = processes(os.getpid())  # the run's cloud is a child of ours, too
        await lab.functions.prepare("python3.11")
        zygote = processes(os.getpid()) - others
        assert zygote
        await lab.start(lab.spec("app.nap", key="idle"), 0)
        busy = asyncio.ensure_future(lab.start(lab.spec("app.nap"), 9))
        await lab.until(lambda: _started(lab) == 2)
        for pid in zygote:
            os.kill(pid, signal.SIGKILL)
        return await busy

    assert b"Runtime.ExitError" in lab.runner.run(kill()).payload
    assert lab.outcome("app.nap", 0).error is None
    assert lab.outcome("app.nap", 0, key="idle").error is None
    assert _workers(lab) == 2


def test_a_cancelled_caller_does_not_stop_the_function(lab: Lab) -> None:
    async def go_away(spec: Any) -> None:
        seen = _started(lab)
        task = asyncio.ensure_future(lab.start(spec, 0.1))
        await lab.until(lambda: _started(lab) > seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await lab.until(lambda: "REPORT" in lab.texts[-1])

    spec = lab.spec("app.nap")
    lab.runner.run(go_away(spec))
    lab.events.clear()
    lab.runner.run(go_away(spec))
    assert _workers(lab) == 1


def test_closing_ends_what_runs(make_lab: Callable[..., Lab], processes: Callable[[int], set[int]]) -> None:
    before = processes(os.getpid())
    lab = make_lab()
    lab.write("app.py", APP)

    async def close_under_load() -> tuple[Outcome | BaseException, ...]:
        busy = asyncio.ensure_future(lab.start(lab.spec("app.nap"), 20))
        starting = asyncio.ensure_future(lab.start(lab.spec("app.nap", key="x"), 20))
        await lab.until(lambda: _started(lab) > 0)
        await lab.functions.close()
        return await asyncio.gather(busy, starting, return_exceptions=True)

    # Each has an answer: one was running, the other running or about to.
    results = lab.runner.run(close_under_load())
    assert any(not isinstance(result, BaseException) and b"Runtime.ExitError" in result.payload for result in results)
    assert processes(os.getpid()) == before


def test_nothing_is_left(make_lab: Callable[..., Lab], processes: Callable[[int], set[int]]) -> None:
    def cycle(lab: Lab) -> None:
        lab.write("app.py", APP)
        lab.call("app.who")
        lab.outcome("absent.handler")
        lab.outcome("app.nap", 5, timeout=0.1)
        lab.call("app.die_soon")

    first = make_lab()
    cycle(first)
    first.runner.run(first.functions.close())
    descriptors, before = sorted(os.listdir("/proc/self/fd")), processes(os.getpid())
    for _ in range(2):
        lab = make_lab()
        cycle(lab)
        lab.close()
        assert sorted(os.listdir(lab.root / "data")) == ["packages", "root"]
        assert not os.listdir(lab.root / "data/root")
        lab.close = lambda: None  # type: ignore[method-assign]
    assert sorted(os.listdir("/proc/self/fd")) == descriptors
    assert processes(os.getpid()) == before
    assert not list(Path("/sys/fs/cgroup").glob(f"**/cumulet-{os.getpid()}-*"))
