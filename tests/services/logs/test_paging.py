"""Whatever was put, in whatever order and size: pages put together are the whole, in order, both ways."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

_PUTS = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(0, 3000), min_size=1, max_size=8)), min_size=1, max_size=8
)


def _fill(room: Any, puts: list[tuple[int, list[int]]]) -> list[tuple[int, int, str]]:
    wanted = []
    for number, (stream, offsets) in enumerate(puts):
        events = []
        for item, offset in enumerate(sorted(offsets)):
            text = f"{stream}/{number}/{item}"
            events.append({"timestamp": room.now - 3_600_000 + offset, "message": text})
            wanted.append((offset, stream, text))
        room.call("DeliverEvents", logGroupName="g", logStreamName=f"s{stream}", logEvents=events)
    return wanted


async def _pages(room: Any, operation: str, token: str, params: dict[str, Any]) -> list[list[str]]:
    pages: list[list[str]] = []
    while True:
        page = await room.acall(operation, **params)
        pages.append([event["message"] for event in page["events"]])
        following = page.get(token)
        if following is None or following == params.get("nextToken"):
            return pages
        params = {**params, "nextToken": following}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(puts=_PUTS, limit=st.integers(1, 7), reverse=st.booleans(), named=st.booleans())
def test_filter_pages(new_room: Any, puts: list[tuple[int, list[int]]], limit: int, reverse: bool, named: bool) -> None:
    async def go() -> None:
        room = new_room()
        params: dict[str, Any] = {"logGroupName": "g", "limit": limit, "startTime": 1_704_067_200_000}
        room.clock.now = 1_800_000_000.0
        wanted = _fill(room, puts)
        if reverse:
            params["startFromHead"] = False
        if named:
            params["logStreamNames"] = sorted({f"s{stream}" for stream, _ in puts})
        pages = await _pages(room, "FilterLogEvents", "nextToken", params)
        assert all(len(page) == limit for page in pages[:-1])
        seen = [text for page in pages for text in page]
        assert len(seen) == len(set(seen)) == len(wanted)
        offsets = {text: offset for offset, _, text in wanted}
        order = [offsets[text] for text in seen]
        assert order == sorted(order, reverse=reverse)

    asyncio.run(go())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(puts=_PUTS, limit=st.integers(1, 7))
def test_get_pages(new_room: Any, puts: list[tuple[int, list[int]]], limit: int) -> None:
    async def go() -> None:
        room = new_room()
        wanted = [text for _, stream, text in sorted(_fill(room, puts), key=lambda event: event[0]) if stream == 0]
        if not wanted:
            return
        params: dict[str, Any] = {"logGroupName": "g", "logStreamName": "s0", "limit": limit}
        back = await _pages(room, "GetLogEvents", "nextBackwardToken", params)
        assert [text for page in reversed(back) for text in page] == wanted
        forth = await _pages(room, "GetLogEvents", "nextForwardToken", {**params, "startFromHead": True})
        assert [text for page in forth for text in page] == wanted
        assert back[-1] == forth[-1] == []

    asyncio.run(go())
