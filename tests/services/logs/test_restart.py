"""Logs, roles and keys outlive the process, `kill -9` too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def test_what_was_acknowledged_is_there_after_kill(start_cloud: Callable[..., Any], account: str) -> None:
    cloud = start_cloud()
    logs, iam = cloud.client("logs", account=account), cloud.client("iam", account=account)
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    for n in range(20):
        event = {"timestamp": now + n, "message": f"line {n}"}
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    cloud.kill()
    cloud.start()
    page = logs.get_log_events(logGroupName="g", logStreamName="s")
    assert [event["message"] for event in page["events"]] == [f"line {n}" for n in range(20)]
    assert iam.get_role(RoleName="r")["Role"]["RoleName"] == "r"
    mine = cloud.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    ).get_caller_identity()
    assert mine["Arn"] == f"arn:aws:iam::{account}:user/ada"
