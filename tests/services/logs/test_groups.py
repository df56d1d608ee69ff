"""Groups, streams and tags, as clients see them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_groups_life(logs: Any, account: str) -> None:
    assert logs.create_log_group(logGroupName="/app/web", tags={"team": "a"}, logGroupClass="STANDARD")
    [group] = logs.describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/app/web"
    assert group["arn"] == f"arn:aws:logs:us-east-1:{account}:log-group:/app/web:*"
    assert group["logGroupArn"] == group["arn"].removesuffix(":*")
    assert group["storedBytes"] == 0
    assert "retentionInDays" not in group
    assert refused(logs.create_log_group, logGroupName="/app/web") == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    logs.delete_log_group(logGroupName="/app/web")
    assert logs.describe_log_groups()["logGroups"] == []
    assert refused(logs.delete_log_group, logGroupName="/app/web") == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )


def test_groups_by_prefix_pattern_and_page(logs: Any) -> None:
    names = [f"/aws/lambda/f{n:02d}" for n in range(7)] + ["/app/a", "/app/lambda"]
    for name in names:
        logs.create_log_group(logGroupName=name)

    def listed(**params: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2}, **params)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    assert listed() == sorted(names)
    assert listed(logGroupNamePrefix="/aws/") == sorted(names[:7])
    assert listed(logGroupNamePrefix="/app/l") == ["/app/lambda"]
    assert listed(logGroupNamePattern="lambda") == sorted([*names[:7], "/app/lambda"])
    assert listed(logGroupNamePrefix="/none") == []
    page = logs.describe_log_groups(limit=9)
    assert len(page["logGroups"]) == 9
    assert "nextToken" not in page
    assert refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b")[0] == (
        "InvalidParameterException"
    )
    assert refused(logs.describe_log_groups, nextToken="nonsense")[1] == "The specified nextToken is invalid."
    named = logs.describe_log_groups(logGroupIdentifiers=["/app/a", "/gone"])["logGroups"]
    assert [group["logGroupName"] for group in named] == ["/app/a"]


def test_regions_and_accounts_are_apart(cloud: Any, logs: Any, account: str) -> None:
    logs.create_log_group(logGroupName="here")
    assert cloud.client("logs", account=account, region="eu-west-1").describe_log_groups()["logGroups"] == []
    assert cloud.client("logs", account=str(int(account) + 1)).describe_log_groups()["logGroups"] == []
    arn = f"arn:aws:logs:eu-west-1:{account}:log-group:here"
    assert refused(logs.describe_log_streams, logGroupIdentifier=arn)[0] == "ResourceNotFoundException"
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:here"
    assert logs.describe_log_streams(logGroupIdentifier=arn)["logStreams"] == []


def test_deletion_protection(logs: Any) -> None:
    logs.create_log_group(logGroupName="kept", deletionProtectionEnabled=True)
    assert refused(logs.delete_log_group, logGroupName="kept")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier="kept", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="kept")


def test_a_key_that_would_encrypt_nothing_is_refused(logs: Any) -> None:
    assert refused(logs.create_log_group, logGroupName="g", kmsKeyId="arn:aws:kms:us-east-1:1:key/x")[0] == (
        "NotImplemented"
    )


def test_tags(logs: Any, account: str) -> None:
    logs.create_log_group(logGroupName="g", tags={"a": "1"})
    arn = f"arn:aws:logs:us-east-1:{account}:log-group:g"
    logs.tag_resource(resourceArn=arn, tags={"b": "2"})
    logs.tag_log_group(logGroupName="g", tags={"c": "3"})
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b": "2", "c": "3"}
    logs.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    logs.untag_log_group(logGroupName="g", tags=["b"])
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {"c": "3"}
    logs.tag_resource(resourceArn=arn, tags={f"t{n}": "x" for n in range(49)})
    assert refused(logs.tag_resource, resourceArn=arn, tags={"one": "more"})[0] == "TooManyTagsException"
    assert refused(logs.tag_log_group, logGroupName="none", tags={"a": "b"})[0] == "ResourceNotFoundException"
    # A group of the same name starts without its predecessor's tags.
    logs.delete_log_group(logGroupName="g")
    logs.create_log_group(logGroupName="g")
    assert logs.list_tags_log_group(logGroupName="g")["tags"] == {}


def test_a_streams_life(logs: Any, account: str, put: Callable[..., Any]) -> None:
    put("g", "2026/11/25/[$LATEST]abc", ["one"])
    assert refused(logs.create_log_stream, logGroupName="g", logStreamName="2026/11/25/[$LATEST]abc") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    assert refused(logs.create_log_stream, logGroupName="none", logStreamName="s")[0] == "ResourceNotFoundException"
    [stream] = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert stream["arn"] == f"arn:aws:logs:us-east-1:{account}:log-group:g:log-stream:2026/11/25/[$LATEST]abc"
    assert stream["firstEventTimestamp"] == stream["lastEventTimestamp"]
    logs.delete_log_stream(logGroupName="g", logStreamName="2026/11/25/[$LATEST]abc")
    assert logs.describe_log_streams(logGroupName="g")["logStreams"] == []
    assert refused(logs.delete_log_stream, logGroupName="g", logStreamName="gone") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )


def test_a_new_stream_does_not_see_its_predecessors_events(logs: Any, put: Callable[..., Any]) -> None:
    put("g", "s", ["old"])
    logs.delete_log_stream(logGroupName="g", logStreamName="s")
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == 0
    assert logs.filter_log_events(logGroupName="g")["events"] == []
    put("g", "s", ["new"])
    assert [event["message"] for event in logs.filter_log_events(logGroupName="g")["events"]] == ["new"]
    assert [e["message"] for e in logs.get_log_events(logGroupName="g", logStreamName="s")["events"]] == ["new"]


@pytest.mark.parametrize("descending", [False, True])
def test_streams_in_order(logs: Any, put: Callable[..., Any], descending: bool) -> None:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="empty")
    logs.create_log_stream(logGroupName="g", logStreamName="old")
    base = int(time.time() * 1000) - 100_000
    # Times within a second of each other, moved forward in small steps: the order must still be exact.
    for name, offsets in {"b": [0, 400, 950], "a": [10, 500, 940], "d": [3000], "c": [3000], "e": [1500, 1501]}.items():
        for offset in offsets:
            put("g", name, ["x"], start=base + offset)

    def listed(**params: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName="g", descending=descending, PaginationConfig={"PageSize": 2}, **params
        )
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]

    by_time = ["empty", "old", "a", "b", "e", "c", "d"]
    by_name = sorted(by_time)
    if descending:
        by_time, by_name = by_time[::-1], by_name[::-1]
    assert listed(orderBy="LastEventTime") == by_time
    assert listed() == by_name
    assert listed(logStreamNamePrefix="e") == (["empty", "e"] if descending else ["e", "empty"])
    assert refused(logs.describe_log_streams, logGroupName="g", orderBy="LastEventTime", logStreamNamePrefix="e") == (
        "InvalidParameterException",
        "Cannot order by LastEventTime with a logStreamNamePrefix.",
    )
