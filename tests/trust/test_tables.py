"""Every operation says what it needs: one without a row could never be allowed to anybody but root."""

from __future__ import annotations

import re

import pytest

from cumulet import app
from cumulet.wire import models

REGISTRY = app.make_registry()
SERVICES = sorted(REGISTRY.names)
PREFIXES = {"s3": "s3", "lambda": "lambda", "logs": "logs", "iam": "iam", "sts": "sts"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_has_a_row(name: str) -> None:
    service = REGISTRY.service(name)
    assert service is not None
    without = [
        handler.name for handler in service.operations.values() if not handler.internal and handler.access is None
    ]
    assert without == []


@pytest.mark.parametrize("name", SERVICES)
def test_rows_are_of_operations_that_exist_and_name_actions_of_their_service(name: str) -> None:
    service = REGISTRY.service(name)
    assert service is not None
    known = {operation.lower() for operation in models.load(name).operations}
    assert [row for row in service.access_rows if row not in known] == []
    assert [row for row in service.access_rows if service.handler(row) is None] == []
    for operation, row in service.access_rows.items():
        assert row.free or re.fullmatch(rf"{PREFIXES[name]}:[A-Z][A-Za-z]+", row.action), operation
