"""What the memory adapter offers to other tests: commits that abort, signals that come late."""

from __future__ import annotations

import asyncio

import pytest

from cumulet.base.errors import Conflict
from cumulet.store import memory
from cumulet.store.sortedmap import SortedMap


def test_every_first_attempt_is_aborted_and_the_second_commits() -> None:
    kv, blobs = memory.open(abort=memory.abort_first())
    for i in range(3):
        attempts = 0
        while True:
            tx = kv.begin()
            tx.put(b"%d" % i, b"")
            attempts += 1
            try:
                kv.commit(tx)
            except Conflict:
                continue
            break
        assert attempts == 2
    kv.commit(kv.begin())  # nothing to commit is nothing to abort
    writer = blobs.create()
    asyncio.run(writer.abort())
    assert len(kv.begin().range(b"", b"\xff", 9)) == 3


def test_signals_can_be_late() -> None:
    async def run() -> None:
        kv, _ = memory.open(watch_delay=0.02)
        event = kv.watch("topic")
        tx = kv.begin()
        tx.touch("topic")
        kv.commit(tx)
        assert not event.is_set()
        await asyncio.wait_for(event.wait(), 5)

    asyncio.run(run())


def test_forgotten_watchers_leave_nothing_behind() -> None:
    kv, _ = memory.open()
    for i in range(100):
        kv.watch(f"topic {i}")
    assert not kv._watchers


@pytest.mark.parametrize("step", [1, 7919])
def test_the_map_splits_shrinks_and_shares(step: int) -> None:
    many = SortedMap()
    count = 3000
    for i in range(count):
        many.set(b"%05d" % (i * step % count), b"x")
    frozen = many.snapshot()
    many.clear(b"00100", b"02900")
    for i in range(50):
        many.delete(b"%05d" % i)
    many.set(b"01000", b"y")
    expected = [*range(50, 100), 1000, *range(2900, 3000)]
    assert [int(key) for key, _ in many.range(b"", b"\xff", count)] == expected
    assert [int(key) for key, _ in many.range(b"", b"\xff", 120, reverse=True)] == expected[::-1][:120]
    assert [int(key) for key, _ in frozen.range(b"", b"\xff", count)] == list(range(count))
    many.clear(b"", b"\xff")
    assert many.range(b"", b"\xff", 1) == []
    assert many.get(b"01000") is None
    assert frozen.get(b"01000") == b"x"
