"""What needs a clock that can be moved, or another service's voice: retention, sweeping, delivery, partial pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cumulet.services.logs.operations import read

DAY = 86_400.0


def _fill(room: Any, stream: str, puts: int, step: int = 1000) -> None:
    for n in range(puts):
        events = [{"timestamp": room.now - 3_600_000 + n * step, "message": f"{stream} {n}"}]
        room.call("PutLogEvents", logGroupName="g", logStreamName=stream, logEvents=events)


async def _texts(room: Any, **params: Any) -> list[str]:
    page = await room.acall("FilterLogEvents", logGroupName="g", **params)
    return [event["message"] for event in page["events"]]


async def _work(room: Any, done: Any) -> None:
    """Let time go by and jobs run until `done()`."""
    async with asyncio.timeout(20):
        while not done():
            room.clock.advance(0.05)
            room.kernel.jobs.poke()
            await asyncio.sleep(0.01)


async def _started(room: Any) -> None:
    await room.machine.kv.start()
    room.kernel.jobs.start()


def _deliver(room: Any, *events: tuple[int, str]) -> None:
    room.call(
        "DeliverEvents",
        logGroupName="g",
        logStreamName="s",
        logEvents=[{"timestamp": when, "message": text} for when, text in events],
    )


def test_delivery_makes_group_and_stream(room: Any) -> None:
    async def go() -> None:
        _deliver(room, (room.now, "b"), (room.now - 5, "a"))
        _deliver(room, (room.now + 1, "c"))
        assert await _texts(room) == ["a", "b", "c"]
        _deliver(room, (room.now + 2, "ü" * 200_000))
        pieces = [text for text in await _texts(room) if text.startswith("ü")]
        assert len(pieces) == 2
        assert "".join(pieces) == "ü" * 200_000

    asyncio.run(go())


def test_retention_deletes_what_has_expired_and_nothing_else(room: Any) -> None:
    async def go() -> None:
        room.call("CreateLogGroup", logGroupName="g")
        for stream in ("s", "t"):
            room.call("CreateLogStream", logGroupName="g", logStreamName=stream)
        _fill(room, "s", 450)
        _fill(room, "t", 10)
        await _started(room)
        room.call("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
        await asyncio.sleep(0)
        assert len(await _texts(room)) == 460
        before = room.count()

        room.clock.advance(DAY - 3600 + 200.5)
        # Hidden at once, whatever the job does; the first events of both streams have gone.
        assert len(await _texts(room)) == 249
        room.clock.advance(2 * 3600)
        _deliver(room, (room.now, "young"))
        young = room.now
        # 460 chunks are 920 records; what stays are those of the event just delivered.
        await _work(room, lambda: room.count() <= before - 900)
        assert await _texts(room) == ["young"]
        [group] = room.call("DescribeLogGroups")["logGroups"]
        assert group["storedBytes"] == len("young") + 26
        assert group["retentionInDays"] == 1
        streams = room.call("DescribeLogStreams", logGroupName="g")["logStreams"]
        assert [stream["logStreamName"] for stream in streams] == ["s", "t"]
        assert streams[0]["firstEventTimestamp"] == young
        room.call("DeleteRetentionPolicy", logGroupName="g")
        room.clock.advance(5 * DAY)
        assert await _texts(room) == ["young"]
        await room.kernel.close()

    asyncio.run(go())


@pytest.mark.parametrize("days", [0, 2, 10, 4000])
def test_only_some_retentions_exist(room: Any, days: int) -> None:
    room.call("CreateLogGroup", logGroupName="g")
    with pytest.raises(Exception, match=f"Value '{days}' at 'retentionInDays' failed to satisfy constraint"):
        room.call("PutRetentionPolicy", logGroupName="g", retentionInDays=days)


def test_a_deleted_streams_events_are_swept(room: Any) -> None:
    async def go() -> None:
        room.call("CreateLogGroup", logGroupName="g")
        room.call("CreateLogStream", logGroupName="g", logStreamName="s")
        empty = room.count()
        _fill(room, "s", 450)
        await _started(room)
        room.call("DeleteLogStream", logGroupName="g", logStreamName="s")
        assert await _texts(room) == []
        # A group and the size of its events are left.
        await _work(room, lambda: room.count() <= empty)
        await room.kernel.close()

    asyncio.run(go())


def test_a_deleted_group_leaves_nothing(room: Any) -> None:
    room.call("CreateLogGroup", logGroupName="g", tags={"a": "b"})
    room.call("CreateLogStream", logGroupName="g", logStreamName="s")
    _fill(room, "s", 20)
    room.call("PutRetentionPolicy", logGroupName="g", retentionInDays=1)
    room.call("DeleteLogGroup", logGroupName="g")
    assert room.count() == 0


def test_a_long_search_answers_in_parts(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        _deliver(room, *[(room.now - 10_000 + n, f"n {n}") for n in range(500)])
        monkeypatch.setattr(read, "_SCAN", 100)
        found: list[str] = []
        params: dict[str, Any] = {"logGroupName": "g", "filterPattern": '"n 321"'}
        pages = 0
        while True:
            page = await room.acall("FilterLogEvents", **params)
            pages += 1
            found += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                break
            params["nextToken"] = page["nextToken"]
        assert found == ["n 321"]
        assert pages >= 5

    asyncio.run(go())


def test_reading_a_page_does_not_grow_with_the_log(room: Any) -> None:
    async def reads(count: int) -> int:
        _fill(room, "s", count, step=500)
        seen = 0
        for params in ({}, {"startFromHead": True}):
            steps = room.kernel.machine.kv.snapshot
            reader = steps()
            fetched: list[int] = []
            original = reader.range

            def counting(*args: Any, _original: Any = original, _fetched: list[int] = fetched, **kw: Any) -> Any:
                page = _original(*args, **kw)
                _fetched.append(len(page))
                return page

            reader.range = counting
            ctx = room.context()
            ctx.bind(reader)
            run = read.get_log_events(ctx, {"logGroupName": "g", "logStreamName": "s", "limit": 5, **params})
            for _ in run:
                pass
            reader.close()
            seen += sum(fetched)
        return seen

    async def go() -> None:
        room.call("CreateLogGroup", logGroupName="g")
        room.call("CreateLogStream", logGroupName="g", logStreamName="s")
        assert await reads(100) == await reads(800)

    asyncio.run(go())
