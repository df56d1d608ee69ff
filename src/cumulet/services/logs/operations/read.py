"""Reading events: GetLogEvents of one stream, FilterLogEvents of a group. Long reads that give way to others."""

from __future__ import annotations

import heapq
import re
from collections.abc import Generator, Iterable
from typing import Any

from cumulet.base import paging
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.store import keys

from .. import rules, state
from ..engine.chunks import OVERHEAD, SPAN
from ..engine.errors import PatternError
from ..engine.order import Chunk, Found, Place, ordered
from ..engine.pattern import Matcher, compile_pattern

_LIMIT = 10_000
_PAGE_BYTES = 1_048_576
_SCAN = 200_000
"""Events that one FilterLogEvents looks at, at most, before it answers with what it has and a token; and characters."""

_SCAN_BYTES = 32 * 1024 * 1024

_MAX_NAMED = 100
_FOREVER = 1 << 62
_BREATH = 16
_TOKEN = re.compile(r"([fb])/(\d{14})(\d{30})(\d{12})/s")
_DESCENDING_SINCE = 1_704_067_200_000

Steps = Generator[None, None, Json]


@operation(data=True)
def get_log_events(ctx: Context, req: Json) -> Steps:
    """The latest page, or the earliest with startFromHead; tokens go on in either direction.

    A token stands for a gap between two events, so it can be given again for ever: where nothing more has come, the
    answer holds no events and the same token. See CloudWatch Logs API Reference, 'GetLogEvents'.
    """
    group = rules.chosen_group(ctx, req)
    stream = rules.existing_stream(ctx, group, req["logStreamName"])
    stream_id, start = stream["id"], _start(ctx, group, req)
    end = min(req.get("endTime", _FOREVER), _FOREVER) - 1
    forward, gap = _gap(req.get("nextToken"), stream_id, bool(req.get("startFromHead")))
    if forward:
        lo, hi = start, end
        if gap is not None:
            lo = max(start, gap.timestamp)
    else:
        lo, hi = start, end if gap is None else min(end, gap.timestamp)
    source = state.stream_chunks(ctx, group["id"], stream_id, lo - SPAN + 1, hi, reverse=not forward)
    page: list[Found] = []
    limit, size = req.get("limit", _LIMIT), 0
    for n, found in enumerate(ordered(source, reverse=not forward)):
        if n % _BREATH == 0:
            yield
        if found is None or not start <= found.place.timestamp <= end:
            if found is not None and _past(found, start, end, forward):
                break
            continue
        if gap is not None and (found.place < gap) == forward:
            continue
        size += len(found.message.encode()) + OVERHEAD
        if page and size > _PAGE_BYTES:
            break
        page.append(found)
        if len(page) >= limit:
            break
    if not forward:
        page.reverse()
    return _page(page, gap, stream_id, start)


def _start(ctx: Context, group: Json, req: Json) -> int:
    # Times come as any 64-bit number; a key must be able to hold the one after.
    wanted: int = req.get("startTime", 0)
    return min(max(wanted, rules.horizon(ctx, group)), _FOREVER)


def _past(found: Found, start: int, end: int, forward: bool) -> bool:
    return found.place.timestamp > end if forward else found.place.timestamp < start


def _page(page: list[Found], gap: Place | None, stream_id: int, start: int) -> Json:
    if page:
        before, last = page[0].place, page[-1].place
        after = last._replace(item=last.item + 1)
    else:
        before = after = gap if gap is not None else Place(max(start, 0), stream_id, 0, 0)
    events = [
        {"timestamp": found.place.timestamp, "message": found.message, "ingestionTime": found.ingested}
        for found in page
    ]
    return {"events": events, "nextForwardToken": _token("f", after), "nextBackwardToken": _token("b", before)}


def _token(direction: str, gap: Place) -> str:
    return f"{direction}/{gap.timestamp:014d}{gap.number:030d}{gap.item:012d}/s"


def _gap(token: str | None, stream_id: int, from_head: bool) -> tuple[bool, Place | None]:
    if token is None:
        return from_head, None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise rules.invalid("The specified nextToken is invalid.")
    return found[1] == "f", Place(int(found[2]), stream_id, int(found[3]), int(found[4]))


@operation(data=True)
def filter_log_events(ctx: Context, req: Json) -> Steps:
    """Events of a group's streams, interleaved by time, that match a pattern.

    What costs too much for one answer comes as a partial page, perhaps empty, with a token. See CloudWatch Logs API
    Reference, 'FilterLogEvents'.
    """
    group = rules.chosen_group(ctx, req)
    if "logStreamNames" in req and "logStreamNamePrefix" in req:
        raise rules.invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
    matches = _matcher(req.get("filterPattern", ""))
    start = _start(ctx, group, req)
    end = min(req.get("endTime", _FOREVER - 1), _FOREVER - 1)
    reverse, past = _resume(req)
    lo, hi = start, end
    if past is not None:
        lo, hi = (lo, min(hi, past.timestamp)) if reverse else (max(lo, past.timestamp), hi)
    streams = _Streams(ctx, group, req)
    events: list[Json] = []
    limit, size, seen, scanned, last = req.get("limit", _LIMIT), 0, 0, 0, past
    more = False
    for n, found in enumerate(ordered(streams.chunks(lo - SPAN + 1, hi, reverse), reverse=reverse)):
        if n % _BREATH == 0:
            yield
        if found is None:
            continue
        place = found.place
        if not start <= place.timestamp <= end:
            if _past(found, start, end, not reverse):
                break
            continue
        if past is not None and (place >= past if reverse else place <= past):
            continue
        seen += 1
        scanned += len(found.message)
        if matches(found.message):
            size += len(found.message) + OVERHEAD
            if len(events) == limit or (events and size > _PAGE_BYTES):
                more = True
                break
            events.append(_filtered(found, streams.names[place.stream]))
        last = place
        if seen >= _SCAN or scanned >= _SCAN_BYTES:
            more = True
            break
    result: Json = {"events": events, "searchedLogStreams": []}
    if more and last is not None:
        result["nextToken"] = paging.encode(keys.pack("b" if reverse else "f", *last))
    return result


def _matcher(pattern: str) -> Matcher:
    try:
        return compile_pattern(pattern)
    except PatternError as err:
        raise rules.invalid(str(err)) from None


def _resume(req: Json) -> tuple[bool, Place | None]:
    token = req.get("nextToken")
    if token is None:
        reverse = req.get("startFromHead") is False
        if reverse and req.get("startTime", 0) < _DESCENDING_SINCE:
            raise rules.invalid("startFromHead can be false only when startTime is on or after 2024-01-01T00:00:00Z.")
        return reverse, None
    raw = paging.decode(token)
    try:
        parts: Any = keys.unpack(raw) if raw is not None else ()
    except ValueError:
        parts = ()
    if [type(part) for part in parts] != [str, int, int, int, int]:
        raise rules.invalid("The specified nextToken is invalid.")
    return parts[0] == "b", Place(*parts[1:])


def _filtered(found: Found, name: str) -> Json:
    place = found.place
    return {
        "logStreamName": name,
        "timestamp": place.timestamp,
        "message": found.message,
        "ingestionTime": found.ingested,
        "eventId": f"{place.timestamp:014d}{place.stream:020d}{place.number:014d}{place.item:08d}",
    }


class _Streams:
    """Which streams a FilterLogEvents reads, and their chunks: few streams each by itself, many by the group's index."""

    def __init__(self, ctx: Context, group: Json, req: Json) -> None:
        self.ctx = ctx
        self.group = group
        self.names: dict[int, str] = {}
        self._known: dict[int, bool] = {}
        self._few: list[int] | None = None
        self._prefix = req.get("logStreamNamePrefix", "")
        if "logStreamNames" in req:
            named = [(name, rules.existing_stream(ctx, group, name)) for name in dict.fromkeys(req["logStreamNames"])]
            self._choose(named)
        elif self._prefix:
            named = state.streams(ctx, group["id"], self._prefix, None, _MAX_NAMED + 1)
            if len(named) <= _MAX_NAMED:
                self._choose(named)

    def _choose(self, named: list[tuple[str, Json]]) -> None:
        self.names = {record["id"]: name for name, record in named}
        self._few = list(self.names)

    def chunks(self, start: int, end: int, reverse: bool) -> Iterable[Chunk | None]:
        """The chunks that begin in [start, end], by time."""
        group_id = self.group["id"]
        if self._few is None:
            return state.group_chunks(self.ctx, group_id, self._wanted, start, end, reverse=reverse)
        sources = [
            state.stream_chunks(self.ctx, group_id, stream_id, start, end, reverse=reverse) for stream_id in self._few
        ]
        return heapq.merge(*sources, reverse=reverse)  # chunks sort by time, stream and number

    def _wanted(self, name: str, stream_id: int) -> bool:
        known = self._known.get(stream_id)
        if known is None:
            known = name.startswith(self._prefix) and state.alive(self.ctx, self.group["id"], name, stream_id)
            self._known[stream_id] = known
            self.names[stream_id] = name
        return known
