"""The static table says what botocore's models say."""

from __future__ import annotations

import orjson
import pytest

from cumulet.wire import models
from cumulet.wire.catalog import CATALOG


@pytest.mark.parametrize("service", sorted(CATALOG))
def test_an_entry_is_what_the_model_says(service: str) -> None:
    metadata = orjson.loads(models.read(service))["metadata"]
    entry = CATALOG[service]
    assert entry.name == service
    assert entry.api_version == metadata["apiVersion"]
    assert entry.protocols == tuple(metadata.get("protocols", [metadata["protocol"]]))
    assert entry.endpoint_prefix == metadata["endpointPrefix"]
    assert entry.signing_name == metadata.get("signingName", metadata["endpointPrefix"])
    assert entry.target_prefix == metadata.get("targetPrefix")
    assert entry.json_version == metadata.get("jsonVersion", "")
    assert entry.global_endpoint == ("globalEndpoint" in metadata)


def test_target_prefixes_and_query_versions_name_one_service_each() -> None:
    prefixes = [entry.target_prefix for entry in CATALOG.values() if entry.target_prefix]
    versions = [entry.api_version for entry in CATALOG.values() if {"query", "ec2"} & set(entry.protocols)]
    assert len(prefixes) == len(set(prefixes))
    assert len(versions) == len(set(versions))
