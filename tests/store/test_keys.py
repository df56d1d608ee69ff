"""Keys sort as their tuples do, and come back; records come back or say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.base.errors import StoreError
from cumulet.store import keys, records

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PART = st.one_of(TEXT, st.binary(max_size=8), st.integers(-(2**63), 2**63 - 1))
RANK = {bytes: 1, str: 2, int: 3}


def order(parts: tuple[Any, ...]) -> list[tuple[int, Any]]:
    return [(RANK[type(part)], part.encode() if isinstance(part, str) else part) for part in parts]


@given(st.lists(PART, max_size=5).map(tuple), st.lists(PART, max_size=5).map(tuple))
def test_keys_sort_as_tuples(one: Any, two: Any) -> None:
    assert (keys.pack(*one) < keys.pack(*two)) == (order(one) < order(two))
    assert keys.unpack(keys.pack(*one)) == one


@given(st.lists(PART, min_size=1, max_size=3), st.lists(PART, min_size=1, max_size=2), PART)
def test_bounds_hold_what_continues_a_prefix_and_nothing_else(prefix: Any, rest: Any, other: Any) -> None:
    packed = keys.pack(*prefix)
    lo, hi = keys.bounds(packed)
    assert lo <= keys.pack(*prefix, *rest) < hi
    assert not lo <= packed < hi
    sibling = [*prefix[:-1], other]
    if sibling != prefix:
        assert not lo <= keys.pack(*sibling, *rest) < hi


@given(st.binary(max_size=6), st.binary(max_size=6))
def test_after_prefix_follows_every_continuation(prefix: bytes, rest: bytes) -> None:
    assert prefix + rest < keys.after_prefix(prefix)


@given(st.binary(max_size=20))
def test_any_bytes_unpack_or_are_refused(raw: bytes) -> None:
    try:
        parts = keys.unpack(raw)
    except ValueError:
        return
    assert keys.pack(*parts) == raw


@pytest.mark.parametrize("bad", [1.5, None, ("a",), True])
def test_other_types_are_refused(bad: Any) -> None:
    with pytest.raises(TypeError):
        keys.pack(bad)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_records_come_back(record: Any) -> None:
    assert records.decode(records.encode(record)) == record


@given(JSON, st.data())
def test_damage_is_said_aloud(record: Any, data: Any) -> None:
    raw = records.encode(record)
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    try:
        assert records.decode(cut) != record or record == 0
    except StoreError as err:
        assert "damaged" in str(err)
    with pytest.raises(StoreError, match="newer Cumulet"):
        records.decode(bytes([records.VERSION + 1]) + raw[1:])
    with pytest.raises(StoreError, match="format byte"):
        records.decode(b"\x00" + raw[1:])
