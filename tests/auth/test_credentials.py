"""Access keys as records: their shapes, what the store sees of them, and how the lookup behaves."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from cumulet.auth import credentials
from cumulet.base.context import Principal, root

USER = Principal("user", "111122223333", "arn:aws:iam::111122223333:user/ann", "AIDA1", "ann", tags={"team": "red"})


def test_temporary_credentials_have_awss_shapes() -> None:
    one, two = (credentials.temporary(USER, 1000.0, 900) for _ in range(2))
    assert re.fullmatch("ASIA[A-Z2-7]{16}", one.id)
    assert re.fullmatch("[A-Za-z0-9+/]{40}", one.secret)
    assert one.token is not None
    assert len(base64.b64decode(one.token)) == 300
    assert one.expires == 1900.0
    assert one.temporary
    assert len({one.id, two.id, one.secret, two.secret, one.token, two.token}) == 6
    assert one.principal.access_key == one.id


def test_keys_survive_the_store_but_tokens_are_kept_as_digests_only(bench: Any) -> None:
    key = credentials.temporary(USER, 1000.0, 900)
    credentials.store(bench.shelf, key)
    assert key.token is not None
    assert all(key.token.encode() not in value for value in bench.shelf.rows.values())
    got = credentials.lookup(bench.shelf, key.id)
    assert got is not None
    assert got.principal == key.principal
    assert (got.secret, got.expires, got.status, got.token) == (key.secret, key.expires, "Active", None)
    assert got.accepts(key.token)
    assert not got.accepts(key.token[:-1])
    assert not got.accepts("\udcff")
    assert credentials.lookup(bench.shelf, key.id) is got
    credentials.remove(bench.shelf, key.id)
    assert credentials.lookup(bench.shelf, key.id) is None


def test_permanent_keys() -> None:
    key = credentials.permanent(USER)
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key.id)
    assert len(key.secret) == 40
    assert not key.temporary


def test_default_keys_need_no_record(bench: Any) -> None:
    key = credentials.lookup(bench.shelf, "test")
    assert key is not None
    assert (key.secret, key.principal) == ("test", root("000000000000", "test"))
    key = credentials.lookup(bench.shelf, "123456789012")
    assert key is not None
    assert key.principal.arn == "arn:aws:iam::123456789012:root"


@pytest.mark.parametrize(
    "name", ["", "Test", "12345678901", "1234567890123", "١٢٣٤٥٦٧٨٩٠١٢", "a/b" * 6, "x" * 129, "\udcff" * 20]
)
def test_ids_that_nobody_has(bench: Any, name: str) -> None:
    assert credentials.lookup(bench.shelf, name) is None
