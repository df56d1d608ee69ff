"""Chunks keep every event, and reading chunks gives every event in order, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.base.errors import StoreError
from cumulet.services.logs.engine import chunks
from cumulet.services.logs.engine.chunks import Event
from cumulet.services.logs.engine.order import Chunk, ordered

_BATCH = st.lists(st.tuples(st.integers(0, 8000), st.text(max_size=8)), min_size=1, max_size=12)


def _batch(raw: list[tuple[int, str]]) -> list[Event]:
    return [(timestamp, text.encode()) for timestamp, text in sorted(raw, key=lambda event: event[0])]


@given(_BATCH, st.integers(0, 2**60))
def test_a_chunk_keeps_its_events(raw: list[tuple[int, str]], ingested: int) -> None:
    back: list[tuple[int, str]] = []
    for part in chunks.split(_batch(raw)):
        assert part[-1][0] - part[0][0] < chunks.SPAN
        when, events = chunks.unpack(chunks.pack(part, ingested), part[0][0])
        assert when == ingested
        back += events
    assert back == [(timestamp, message.decode()) for timestamp, message in _batch(raw)]


def test_chunks_stay_small() -> None:
    events = [(n // 100, b"x" * 300) for n in range(10_000)]
    parts = list(chunks.split(events))
    assert max(len(chunks.pack(part, 0)) for part in parts) <= 64 * 1024
    assert [event for part in parts for event in part] == events


def test_the_largest_event_fits_into_a_record() -> None:
    event = (0, b"x" * (1_048_576 - chunks.OVERHEAD))
    assert len(chunks.pack([event], 0)) <= 1024 * 1024


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x02" + b"\x00" * 20, b"\x01\x00" + b"\xff" * 40])
def test_damage_is_said_aloud(damage: bytes) -> None:
    with pytest.raises(StoreError):
        chunks.unpack(damage, 0)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 3), _BATCH), max_size=8), st.booleans())
def test_events_come_in_order(puts: list[tuple[int, list[tuple[int, str]]]], reverse: bool) -> None:
    stored: list[Chunk] = []
    numbers = {1: 0, 2: 0, 3: 0}
    wanted = 0
    for stream, raw in puts:
        wanted += len(raw)
        for part in chunks.split(_batch(raw)):
            stored.append(Chunk(part[0][0], stream, numbers[stream], chunks.pack(part, 0)))
            numbers[stream] += 1
    stored.sort(reverse=reverse)
    places = [found.place for found in ordered(stored, reverse=reverse) if found is not None]
    assert places == sorted(places, reverse=reverse)
    assert len(set(places)) == len(places) == wanted
