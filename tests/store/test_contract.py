"""The contract of `store/api.py`, which every adapter keeps: one suite for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cumulet.base.errors import Conflict, StoreError
from cumulet.store.api import MAX_KEY, MAX_TX, MAX_VALUE

ABC = {b"a": b"1", b"b": b"2", b"c": b"3", b"d": b"4"}


def test_a_transaction_sees_its_own_writes_and_nobody_else_does(store: Any) -> None:
    store.put(ABC)
    tx = store.kv.begin()
    tx.put(b"b", b"new")
    tx.delete(b"c")
    tx.put(b"bb", b"x")
    seen = [(b"a", b"1"), (b"b", b"new"), (b"bb", b"x"), (b"d", b"4")]
    assert tx.range(b"a", b"z", 10) == seen
    assert tx.range(b"a", b"z", 10, reverse=True) == seen[::-1]
    assert tx.range(b"a", b"z", 2, reverse=True) == seen[::-1][:2]
    assert tx.get_many([b"c", b"b", b"none", b"a"]) == [None, b"new", None, b"1"]
    assert store.kv.begin().get(b"b") == b"2"
    store.kv.commit(tx)
    assert store.all() == seen


def test_bounds_are_lo_inclusive_hi_exclusive_both_ways(store: Any) -> None:
    store.put(ABC)
    tx = store.kv.begin()
    for reverse in (False, True):
        assert sorted(tx.range(b"b", b"d", 9, reverse=reverse)) == [(b"b", b"2"), (b"c", b"3")]
        assert tx.range(b"b", b"b", 9, reverse=reverse) == []
        assert tx.range(b"c", b"b", 9, reverse=reverse) == []
        assert tx.range(b"a", b"z", 0, reverse=reverse) == []
    assert tx.get_many([]) == []


def test_a_cleared_range_hides_the_base_and_takes_new_writes(store: Any) -> None:
    store.put(ABC)
    tx = store.kv.begin()
    tx.put(b"bz", b"gone")
    tx.clear_range(b"b", b"d")
    tx.put(b"c", b"again")
    assert tx.range(b"", b"\xff", 9) == [(b"a", b"1"), (b"c", b"again"), (b"d", b"4")]
    assert tx.range(b"", b"\xff", 2, reverse=True) == [(b"d", b"4"), (b"c", b"again")]
    assert tx.get(b"b") is None
    assert tx.get_many([b"b", b"c", b"d"]) == [None, b"again", b"4"]
    store.kv.commit(tx)
    assert store.all() == [(b"a", b"1"), (b"c", b"again"), (b"d", b"4")]


def test_many_overwritten_rows_do_not_cut_a_range_short(store: Any) -> None:
    store.put({b"k%04d" % i: b"v" for i in range(500)})
    tx = store.kv.begin()
    for i in range(400):
        tx.delete(b"k%04d" % i)
    assert tx.range(b"k", b"l", 3) == [(b"k%04d" % i, b"v") for i in (400, 401, 402)]
    tx.clear_range(b"k0450", b"l")
    assert [key for key, _ in tx.range(b"k", b"l", 2, reverse=True)] == [b"k0449", b"k0448"]


def test_a_child_is_kept_by_merge_and_forgotten_without(store: Any) -> None:
    store.put(ABC)
    tx = store.kv.begin()
    tx.put(b"x", b"parent")
    lost = tx.child()
    lost.put(b"x", b"child")
    lost.clear_range(b"a", b"c")
    assert lost.range(b"a", b"z", 9) == [(b"c", b"3"), (b"d", b"4"), (b"x", b"child")]
    assert tx.get(b"x") == b"parent"
    kept = tx.child()
    kept.clear_range(b"c", b"z")
    inner = kept.child()
    inner.put(b"y", b"inner")
    inner.merge()
    kept.merge()
    assert tx.range(b"a", b"z", 9) == [(b"a", b"1"), (b"b", b"2"), (b"y", b"inner")]
    store.kv.commit(tx)
    assert store.all() == [(b"a", b"1"), (b"b", b"2"), (b"y", b"inner")]
    with pytest.raises(StoreError, match="no parent"):
        store.kv.begin().merge()


def test_appends_are_ordered_across_transactions_children_and_restarts(store: Any) -> None:
    for round_ in range(3):
        tx = store.kv.begin()
        tx.append(b"log/", b"%d-first" % round_)
        child = tx.child()
        child.append(b"log/", b"%d-second" % round_)
        child.merge()
        tx.child().append(b"log/", b"dropped")
        assert tx.range(b"log/", b"log0", 10_000) == store.kv.begin().range(b"log/", b"log0", 10_000)
        store.kv.commit(tx)
        if store.kind == "local":
            store.close()
            store.open()
    rows = store.kv.begin().range(b"log/", b"log0", 10)
    assert [value for _, value in rows] == [b"%d-%s" % (i, s) for i in range(3) for s in (b"first", b"second")]
    assert all(len(key) == 14 for key, _ in rows)


def test_positions_rise_even_when_the_log_was_emptied(store: Any) -> None:
    def append() -> bytes:
        tx = store.kv.begin()
        tx.append(b"log/", b"")
        store.kv.commit(tx)
        key: bytes = store.kv.begin().range(b"log/", b"log0", 1, reverse=True)[0][0]
        return key

    before = append()
    store.kv.clear_all()
    if store.kind == "local":
        store.close()
        store.open()
    assert append() > before


def test_limits_are_refused_and_leave_the_transaction_usable(store: Any) -> None:
    tx = store.kv.begin()
    refused: list[Callable[[], object]] = [
        lambda: tx.put(b"k" * (MAX_KEY + 1), b""),
        lambda: tx.put(b"k", b"v" * (MAX_VALUE + 1)),
        lambda: tx.delete(b"k" * (MAX_KEY + 1)),
        lambda: tx.append(b"k" * MAX_KEY, b""),
        lambda: tx.append(b"k", b"v" * (MAX_VALUE + 1)),
        lambda: tx.clear_range(b"", b"k" * (MAX_KEY + 2)),
    ]
    for bad in refused:
        with pytest.raises(StoreError, match=r"at most|more than"):
            bad()
    longest, largest = b"k" * MAX_KEY, b"v" * MAX_VALUE
    for _ in range(30):  # the same row again and again is one row
        tx.put(longest, largest)
    store.kv.commit(tx)
    assert store.kv.begin().get(longest) == largest
    tx = store.kv.begin()
    with pytest.raises(StoreError, match=f"at most {MAX_TX}"):
        for i in range(11):
            tx.put(b"%d" % i, largest)


def test_what_was_read_and_changed_meanwhile_is_a_conflict(store: Any) -> None:
    store.put(ABC)

    def conflicts(read: Any, write: Any) -> bool:
        tx, other = store.kv.begin(), store.kv.begin()
        read(tx)
        tx.put(b"result", b"")
        write(other)
        store.kv.commit(other)
        try:
            store.kv.commit(tx)
        except Conflict:
            return True
        return False

    put_b = lambda tx: tx.put(b"b", b"!")  # noqa: E731
    assert conflicts(lambda tx: tx.get(b"b"), put_b)
    assert conflicts(lambda tx: tx.get_many([b"a", b"b"]), put_b)
    assert conflicts(lambda tx: tx.cached(b"b", bytes), put_b)
    assert conflicts(lambda tx: tx.child().get(b"b"), put_b)
    assert conflicts(lambda tx: tx.range(b"a", b"c", 9), put_b)
    assert conflicts(lambda tx: tx.range(b"a", b"z", 9), lambda tx: tx.put(b"new", b""))
    assert conflicts(lambda tx: tx.range(b"b", b"c", 9), lambda tx: tx.clear_range(b"a", b"z"))
    store.put(ABC)
    assert conflicts(lambda tx: tx.get(b"b"), lambda tx: tx.clear_range(b"a", b"z"))
    store.put(ABC)
    assert conflicts(lambda tx: tx.range(b"m", b"n", 9), lambda tx: [tx.put(b"m%d" % i, b"") for i in range(300)])
    assert conflicts(lambda tx: tx.range(b"log", b"loh", 9), lambda tx: tx.append(b"log", b""))
    assert not conflicts(lambda tx: tx.get(b"a"), put_b)
    assert not conflicts(lambda tx: tx.range(b"a", b"z", 1), lambda tx: tx.put(b"c", b"behind the page"))
    assert not conflicts(lambda tx: tx.range(b"a", b"d", 1, reverse=True), lambda tx: tx.put(b"a", b"before it"))
    assert not conflicts(lambda tx: (tx.put(b"b", b""), tx.get(b"b")), put_b)


def test_a_transaction_too_old_to_check_conflicts_and_a_spent_one_is_refused(store: Any) -> None:
    old = store.kv.begin()
    old.get(b"a")
    old.put(b"x", b"")
    for _ in range(600):
        store.put({b"other": b""})
    with pytest.raises(Conflict):
        store.kv.commit(old)
    tx = store.kv.begin()
    tx.put(b"x", b"")
    store.kv.commit(tx)
    with pytest.raises(StoreError, match="already"):
        store.kv.commit(tx)


def test_cached_records_follow_the_commits(store: Any) -> None:
    decoded: list[bytes] = []

    def decode(raw: bytes) -> str:
        decoded.append(raw)
        return raw.decode()

    def read() -> str | None:
        value: str | None = store.kv.begin().cached(b"k", decode)
        return value

    assert read() is None
    store.put({b"k": b"one"})
    assert [read(), read()] == ["one", "one"]
    assert decoded == [b"one"]
    tx = store.kv.begin()
    tx.put(b"k", b"two")
    assert tx.cached(b"k", decode) == "two"
    assert tx.child().cached(b"k", decode) == "two"
    assert read() == "one"
    store.kv.commit(tx)
    assert read() == "two"
    tx = store.kv.begin()
    tx.clear_range(b"a", b"z")
    assert tx.cached(b"k", decode) is None
    assert read() == "two"
    store.kv.commit(tx)
    assert read() is None
    store.put({b"k": b"three"})
    assert read() == "three"
    assert store.kv.begin().cached(b"k", len) == 5
    tx = store.kv.begin()
    tx.delete(b"k")
    assert tx.cached(b"k", decode) is None


def test_a_snapshot_stands_still(store: Any) -> None:
    store.put({b"k%03d" % i: b"old" for i in range(50)})
    before = store.all()
    snapshot = store.kv.snapshot()
    tx = store.kv.begin()
    tx.clear_range(b"k010", b"k020")
    for i in range(30, 60):
        tx.put(b"k%03d" % i, b"new")
    store.kv.commit(tx)
    assert snapshot.range(b"k", b"l", 100) == before
    assert snapshot.range(b"k", b"l", 100, reverse=True) == before[::-1]
    assert snapshot.range(b"k015", b"k040", 3, reverse=True) == [(b"k%03d" % i, b"old") for i in (39, 38, 37)]
    assert snapshot.get_many([b"k015", b"k035", b"k055"]) == [b"old", b"old", None]
    assert snapshot.cached(b"k035", bytes.decode) == "old"
    assert store.kv.begin().cached(b"k035", bytes.decode) == "new"
    snapshot.close()
    snapshot.close()
    with pytest.raises(StoreError, match="closed"):
        snapshot.get(b"k000")
    store.kv.snapshot()  # left open: the store must close and open all the same
    if store.kind == "local":
        store.close()
        store.open()


def test_watchers_hear_of_commits_that_touched_their_topic(store: Any) -> None:
    one, two, other = store.kv.watch("topic"), store.kv.watch("topic"), store.kv.watch("other")
    tx = store.kv.begin()
    tx.touch("topic")
    child = tx.child()
    child.touch("other")
    assert tx.dirty
    assert not one.is_set()
    store.kv.commit(tx)
    assert one.is_set()
    assert two.is_set()
    assert not other.is_set()
    one.clear()
    assert two.is_set()
    store.run(asyncio.wait_for(two.wait(), 1))


def test_clear_all_forgets_everything(store: Any) -> None:
    store.put(ABC | {b"\xff" * MAX_KEY: b"last"})
    store.kv.clear_all()
    assert store.kv.begin().range(b"", b"\xff" * (MAX_KEY + 1), 9) == []
    store.put({b"after": b"1"})
    assert store.all() == [(b"after", b"1")]


def test_dirty_says_whether_there_is_something_to_commit(store: Any) -> None:
    tx = store.kv.begin()
    tx.get(b"a")
    assert not tx.dirty
    tx.child().put(b"a", b"")
    assert not tx.dirty
    tx.delete(b"a")
    assert tx.dirty


def test_durable_has_nothing_to_wait_for(store: Any) -> None:
    store.put(ABC)
    assert store.kv.durable() is None
