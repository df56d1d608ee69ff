"""Every operation of every planned service, both ways, against botocore as the other end."""

from __future__ import annotations

import os
from typing import Any

import pytest

from cumulet.wire import compile as compiler
from cumulet.wire import models
from cumulet.wire.catalog import CATALOG

BUILT = ("json", "query", "rest-json", "rest-xml")
PAIRS = [(name, protocol) for name, entry in CATALOG.items() for protocol in entry.protocols if protocol in BUILT]

# Two names for one request, or a request told apart only by a host that path style does not have.
UNREACHABLE = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
    "WriteGetObjectResponse": "PostObject",
}
CASES = int(os.environ.get("CUMULET_WIRE_CASES", "1"))


def check_service(wire: Any, service: str, protocol: str, cases: int) -> None:
    client = wire.client(service, protocol)
    for name in client.model.operation_names:
        if service == "s3" and name in UNREACHABLE:
            continue
        operation = compiler.operation(service, name, protocol)
        for case in range(cases):
            check_input(wire, client, operation, f"{service} {name} {case}")
            if not client.model.operation_model(name).has_event_stream_output:
                check_output(wire, client, operation, f"{service} {name} {case}")


def check_input(wire: Any, client: Any, operation: Any, seed: str) -> None:
    shape = client.model.operation_model(operation.name).input_shape
    json = "json" in operation.protocol
    samples = wire.Samples(seed, empties=json, xml=not json, milliseconds=False)
    params = samples.structure(shape, 0) if shape else {}
    request = client.request(operation.name, params)
    claim = wire.claim(request)
    assert (claim.service, claim.operation, claim.region) == (operation.service, operation.name, "eu-west-1"), seed
    parsed = wire.parsed(operation, request, claim)
    parsed = {
        name: value
        for name, value in parsed.items()
        if name in params or name.lower() not in ("contenttype", "contentlength")
    }
    if operation.protocol == "query":
        params = without_empty(params)
    assert parsed == params, seed


def without_empty(value: Any) -> Any:
    """A structure without members leaves no trace in a form."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item != {}}
    return [without_empty(item) for item in value] if isinstance(value, list) else value


def check_output(wire: Any, client: Any, operation: Any, seed: str) -> None:
    shape = client.model.operation_model(operation.name).output_shape
    xml = "json" not in operation.protocol
    samples = wire.Samples(seed, empties=not xml, xml=xml, milliseconds=True)
    result = samples.structure(shape, 0) if shape else {}
    got = client.result(operation.name, operation.reply(result, "the-request-id"))
    if (operation.service, operation.name) == ("s3", "GetBucketLocation"):
        return
    if operation.http_method != "HEAD":
        result.pop("ContentLength", None)
    for name, member in shape.members.items() if shape else ():
        location = member.serialization.get("location")
        if name not in result and (location in ("statusCode", "headers") or name.lower() == "contenttype"):
            got.pop(name, None)
    assert got == result, seed


@pytest.mark.parametrize(("service", "protocol"), PAIRS)
def test_every_operation_both_ways(wire: Any, service: str, protocol: str) -> None:
    check_service(wire, service, protocol, CASES)


@pytest.mark.slow
@pytest.mark.skipif("CUMULET_SLOW" not in os.environ, reason="set CUMULET_SLOW for the deeper variant")
@pytest.mark.parametrize(("service", "protocol"), PAIRS)
def test_every_operation_many_times(wire: Any, service: str, protocol: str) -> None:
    check_service(wire, service, protocol, 25)


def test_unreachable_operations_exist() -> None:
    assert set(UNREACHABLE) <= set(models.load("s3").operations)
