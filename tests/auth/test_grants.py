"""What IAM gives, as the kernel reads it."""

from __future__ import annotations

import json

from cumulet.auth import grants
from cumulet.store import memory

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def test_a_principals_grants_come_back_compiled_and_change_with_the_commit() -> None:
    kv, _ = memory.open()
    tx = kv.begin()
    grants.put(tx, "1", "role", "Worker", "AROA1", inline=[("logs", ALLOW)], attached=["arn:a"], tags={"k": "v"})
    kv.commit(tx)
    found = grants.of(kv.begin(), "1", "role", "worker")
    assert found is not None
    assert (found.id, found.attached, found.boundary, found.tags) == ("AROA1", ("arn:a",), None, {"k": "v"})
    assert [named.name for named in found.inline] == ["role/Worker/logs"]
    assert found.inline[0].policy.statements[0].allow
    assert grants.of(kv.begin(), "1", "role", "worker") is found
    tx = kv.begin()
    grants.drop(tx, "1", "role", "Worker")
    kv.commit(tx)
    assert grants.of(kv.begin(), "1", "role", "Worker") is None


def test_accounts_and_kinds_are_apart() -> None:
    kv, _ = memory.open()
    tx = kv.begin()
    grants.put(tx, "1", "role", "x", "AROA1", inline=[], attached=[])
    kv.commit(tx)
    assert grants.of(kv.begin(), "2", "role", "x") is None
    assert grants.of(kv.begin(), "1", "user", "x") is None


def test_a_managed_policy_changes_everywhere_at_once() -> None:
    kv, _ = memory.open()
    tx = kv.begin()
    grants.put_policy(tx, "arn:p", ALLOW)
    kv.commit(tx)
    first = grants.policy(kv.begin(), "arn:p")
    assert first is not None
    assert first.policy.statements[0].allow
    tx = kv.begin()
    grants.put_policy(tx, "arn:p", ALLOW.replace("Allow", "Deny"))
    kv.commit(tx)
    second = grants.policy(kv.begin(), "arn:p")
    assert second is not None
    assert not second.policy.statements[0].allow
    assert grants.policy(kv.begin(), "arn:other") is None


def test_a_document_that_cannot_be_read_allows_nothing() -> None:
    kv, _ = memory.open()
    tx = kv.begin()
    grants.put_policy(tx, "arn:p", "{}")
    kv.commit(tx)
    found = grants.policy(kv.begin(), "arn:p")
    assert found is not None
    assert found.policy.statements == ()
