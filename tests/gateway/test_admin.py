"""The house's own pages on a running cloud."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest


def ask(cloud: Any, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"), timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else None
    finally:
        connection.close()


def test_health_in_both_houses_words(cloud: Any) -> None:
    status, health = ask(cloud, "GET", "/_cumulet/health")
    assert (status, health["status"]) == (200, "ok")
    assert {"s3", "lambda", "logs", "iam", "sts"} <= health["services"].keys()
    status, health = ask(cloud, "GET", "/_localstack/health")
    assert (status, health["services"]["s3"]) == (200, "available")
    assert ask(cloud, "HEAD", "/_cumulet/health") == (200, None)
    assert ask(cloud, "GET", "/_cumulet/ready") == (200, {"ready": True})


def test_info_says_where_and_what(cloud: Any) -> None:
    info = ask(cloud, "GET", "/_cumulet/info")[1]
    assert info["pid"] == cloud.process.pid
    assert info["endpoint"] == cloud.endpoint
    assert (info["data"], info["durability"]) == (None, "none")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_cumulet/reset", 405),
        ("HEAD", "/_cumulet/reset", 405),
        ("GET", "/_cumulet/stop", 405),
        ("PUT", "/_cumulet/health", 405),
        ("GET", "/_cumulet/", 404),
        ("GET", "/_cumulet/nothing", 404),
        ("GET", "/_cumulet/s3/x", 404),
        ("GET", "/_cumulet/../etc/passwd", 404),
        ("GET", "/_localstack/lambda/x", 404),
        ("POST", "/_localstack/reset", 404),
    ],
)
def test_what_is_not_there_or_not_so(cloud: Any, method: str, path: str, status: int) -> None:
    assert ask(cloud, method, path)[0] == status


def test_the_audit_tells_who_did_what(cloud: Any, account: str) -> None:
    s3 = cloud.client("s3", account=account)
    s3.create_bucket(Bucket=f"audit-{account}")
    s3.put_object(Bucket=f"audit-{account}", Key="k", Body=b"x")
    other = cloud.client("s3", account="730000000001")
    with pytest.raises(other.exceptions.ClientError, match="AccessDenied"):
        other.delete_bucket(Bucket=f"audit-{account}")
    events = ask(cloud, "GET", "/_cumulet/audit")[1]["events"]
    seen = {(event["eventName"], event["userIdentity"]["accountId"], event.get("errorCode")) for event in events}
    assert ("CreateBucket", account, None) in seen
    assert ("PutObject", account, None) in seen
    assert ("DeleteBucket", "730000000001", "AccessDenied") in seen
    times = [event["eventTime"] for event in events]
    assert times == sorted(times, reverse=True)


def test_events_that_commit_outlive_the_process(start_cloud: Callable[..., Any], account: str) -> None:
    cloud = start_cloud()
    s3 = cloud.client("s3", account=account)
    s3.create_bucket(Bucket="audited")
    s3.put_object(Bucket="audited", Key="k", Body=b"x")
    cloud.kill()
    cloud.start()
    names = [event["eventName"] for event in ask(cloud, "GET", "/_cumulet/audit")[1]["events"]]
    assert "CreateBucket" in names
    assert "PutObject" not in names  # a data event: the ring went with the process
    assert ask(cloud, "POST", "/_cumulet/reset") == (200, {"status": "reset"})
    assert ask(cloud, "GET", "/_cumulet/audit")[1]["events"] == []
    assert ask(cloud, "POST", "/_cumulet/stop") == (202, {"status": "stopping"})
    assert cloud.process.wait(timeout=10) == 0
