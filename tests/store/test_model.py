"""Both adapters against a dict: transactions, children, clears, appends, ranges, snapshots and restarts, at random."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cumulet.store import local, memory
from cumulet.store.api import Kv, Snapshot, Tx

KEY = st.binary(max_size=3).map(lambda raw: bytes(b % 4 + 97 for b in raw)) | st.just(b"\xff\xff")
VALUE = st.binary(max_size=4)
LIMIT = st.integers(1, 6)
LOG = b"log"
Model = dict[bytes, bytes]


def rows_of(model: Model, lo: bytes, hi: bytes, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
    rows = sorted((key, value) for key, value in model.items() if lo <= key < hi)
    return (rows[::-1] if reverse else rows)[:limit]


class MemoryMachine(RuleBasedStateMachine):
    """`levels` are the open transaction and its children: what each sees, and what each will append."""

    def __init__(self) -> None:
        super().__init__()
        self.model: Model = {}
        self.levels: list[tuple[Tx, Model, list[bytes]]] = []
        self.snapshots: list[tuple[Snapshot, Model]] = []
        self.last = b""
        self.kv = self.open()

    def open(self) -> Kv:
        return memory.open()[0]

    def top(self) -> tuple[Tx, Model, list[bytes]]:
        if not self.levels:
            self.levels.append((self.kv.begin(), dict(self.model), []))
        return self.levels[-1]

    @rule(key=KEY, value=VALUE)
    def put(self, key: bytes, value: bytes) -> None:
        tx, model, _ = self.top()
        tx.put(key, value)
        model[key] = value

    @rule(key=KEY)
    def delete(self, key: bytes) -> None:
        tx, model, _ = self.top()
        tx.delete(key)
        model.pop(key, None)

    @rule(lo=KEY, hi=KEY)
    def clear(self, lo: bytes, hi: bytes) -> None:
        tx, model, _ = self.top()
        tx.clear_range(lo, hi)
        for key in [key for key in model if lo <= key < hi]:
            del model[key]

    @rule(value=VALUE)
    def append(self, value: bytes) -> None:
        tx, _, appended = self.top()
        tx.append(LOG, value)
        appended.append(value)

    @rule(keys=st.lists(KEY, max_size=4))
    def get(self, keys: list[bytes]) -> None:
        tx, model, _ = self.top()
        expected = [model.get(key) for key in keys]
        assert tx.get_many(keys) == expected
        assert [tx.get(key) for key in keys] == expected
        assert [tx.cached(key, bytes) for key in keys] == expected

    @rule(lo=KEY, hi=KEY, limit=LIMIT, reverse=st.booleans())
    def range(self, lo: bytes, hi: bytes, limit: int, reverse: bool) -> None:
        tx, model, _ = self.top()
        assert tx.range(lo, hi, limit, reverse=reverse) == rows_of(model, lo, hi, limit, reverse)
        for snapshot, frozen in self.snapshots:
            assert snapshot.range(lo, hi, limit, reverse=reverse) == rows_of(frozen, lo, hi, limit, reverse)

    @rule()
    def child(self) -> None:
        tx, model, _ = self.top()
        if len(self.levels) < 4:
            self.levels.append((tx.child(), dict(model), []))

    @precondition(lambda self: len(self.levels) > 1)
    @rule(keep=st.booleans())
    def end_child(self, keep: bool) -> None:
        tx, model, appended = self.levels.pop()
        if keep:
            tx.merge()
            parent, _, before = self.levels[-1]
            self.levels[-1] = (parent, model, before + appended)

    @precondition(lambda self: len(self.levels) == 1)
    @rule(keep=st.booleans())
    def end(self, keep: bool) -> None:
        tx, model, appended = self.levels.pop()
        if not keep:
            return
        self.kv.commit(tx)
        found = self.kv.begin().range(LOG, LOG + b"\xff", 10_000)
        new = [row for row in found if row[0] > self.last and len(row[0]) == len(LOG) + 10]
        assert [value for _, value in new] == appended
        self.last = new[-1][0] if new else self.last
        self.model = model | dict(new)

    @precondition(lambda self: len(self.snapshots) < 3)
    @rule()
    def snapshot(self) -> None:
        self.snapshots.append((self.kv.snapshot(), dict(self.model)))

    @invariant()
    def committed_state_is_the_model(self) -> None:
        assert self.kv.begin().range(b"", b"\xff\xff\xff", 10_000) == sorted(self.model.items())

    def teardown(self) -> None:
        for snapshot, _ in self.snapshots:
            snapshot.close()


class LocalMachine(MemoryMachine):
    """The same on RocksDB, with restarts."""

    def open(self) -> Kv:
        self.directory = Path(tempfile.mkdtemp(prefix="cumulet-model-"))
        return local.open(self.directory, "process")[0]

    @rule()
    def restart(self) -> None:
        self.levels.clear()
        self.snapshots.clear()
        asyncio.run(self.kv.close())
        self.kv = local.open(self.directory, "process")[0]

    def teardown(self) -> None:
        super().teardown()
        asyncio.run(self.kv.close())
        shutil.rmtree(self.directory)


TestMemory: Any = MemoryMachine.TestCase
TestMemory.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)

# Fewer examples: each opens a database.
TestLocal: Any = LocalMachine.TestCase
TestLocal.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
