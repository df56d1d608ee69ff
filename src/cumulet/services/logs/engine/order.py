"""Events in time order out of chunks that overlap.

Chunks come ordered by the time of their first event, and span less than a second: an event can be given out as soon as
no later chunk can hold an earlier one. What waits is bounded by what was written within a second, never by the log.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from . import chunks


class Place(NamedTuple):
    """Where an event stands: its time, its stream, the number of its chunk there and its place in that. Sorts in time."""

    timestamp: int
    stream: int
    number: int
    item: int


class Chunk(NamedTuple):
    """A chunk as it comes from the store: the time of its first event, its stream, its number, its value."""

    first: int
    stream: int
    number: int
    raw: bytes


class Found(NamedTuple):
    """An event with its place; `ingested` is in milliseconds."""

    place: Place
    ingested: int
    message: str


def ordered(source: Iterable[Chunk | None], *, reverse: bool = False) -> Iterator[Found | None]:
    """The events of `source`, earliest first, or latest first with `reverse` (the chunks come in that order too).

    None in the source is a breathing space of whoever reads it, and is passed on.
    """
    heap: list[tuple[tuple[int, ...], Found]] = []
    for chunk in source:
        if chunk is None:
            yield None
            continue
        limit = _limit(chunk, reverse)
        while heap and heap[0][0] < limit:
            yield heapq.heappop(heap)[1]
        events = _events(chunk, reverse)
        if heap:
            for event in events:
                heapq.heappush(heap, event)
        else:
            heap = events  # sorted, and therefore a heap
    while heap:
        yield heapq.heappop(heap)[1]


def _limit(chunk: Chunk, reverse: bool) -> tuple[int, ...]:
    # Backwards, this chunk and those behind it may hold events up to a second after its first one.
    return (-(chunk.first + chunks.SPAN - 1),) if reverse else (chunk.first, chunk.stream, chunk.number)


def _events(chunk: Chunk, reverse: bool) -> list[tuple[tuple[int, ...], Found]]:
    first, stream, number, raw = chunk
    ingested, events = chunks.unpack(raw, first)
    found: list[tuple[tuple[int, ...], Found]] = []
    for index, (timestamp, message) in enumerate(events):
        place = Place(timestamp, stream, number, index)
        key = (-timestamp, -stream, -number, -index) if reverse else place
        found.append((key, Found(place, ingested, message)))
    if reverse:
        found.reverse()
    return found
