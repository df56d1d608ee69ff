"""kill -9 while clients write: whatever was answered with success is there after the next start, and nothing half-written is."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

ROUNDS = 3


class Writer(threading.Thread):
    """Writes objects small and large, deletes some, and notes each acknowledgement."""

    def __init__(self, cloud: Any, number: int) -> None:
        super().__init__()
        self.cloud = cloud
        self.number = number
        self.random = random.Random(number)
        self.kept: dict[str, str] = {}
        self.doubtful: set[str] = set()

    def run(self) -> None:
        s3 = self.cloud.client("s3")
        for count in range(100_000):
            key = f"{self.number}/{count}"
            size = self.random.choice([10, 1000, 70_000, 300_000])
            body = self.random.randbytes(size)
            self.doubtful.add(key)
            try:
                s3.put_object(Bucket="kill", Key=key, Body=body)
                self.kept[key] = hashlib.md5(body).hexdigest()
                self.doubtful.discard(key)
                if count % 5 == 4:
                    gone = f"{self.number}/{count - 2}"
                    self.doubtful.add(gone)
                    expected = self.kept.pop(gone)
                    s3.delete_object(Bucket="kill", Key=gone)
                    self.doubtful.discard(gone)
                    assert expected
            except (BotoCoreError, ClientError):
                return


def objects(s3: Any) -> dict[str, str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="kill")
    return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])}


@pytest.mark.parametrize("durability", ["process", "commit"])
def test_acknowledged_writes_survive_kill_9(durability: str, start_cloud: Callable[..., Any]) -> None:
    cloud = start_cloud("--durability", durability)
    cloud.client("s3").create_bucket(Bucket="kill")
    kept: dict[str, str] = {}
    for round_ in range(ROUNDS):
        writers = [Writer(cloud, round_ * 10 + number) for number in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.4 + random.random() * 0.6)  # the moment of death is what is being tested
        cloud.kill()
        for writer in writers:
            writer.join()
        cloud.start()
        s3 = cloud.client("s3")
        there = objects(s3)
        doubtful = set().union(*(writer.doubtful for writer in writers))
        for writer in writers:
            kept |= writer.kept
        assert sum(len(writer.kept) for writer in writers) > 0
        assert {key: there.get(key) for key in kept} == kept
        assert set(there) - set(kept) <= doubtful
        for key in random.sample(sorted(there), min(20, len(there))):
            body = s3.get_object(Bucket="kill", Key=key)["Body"].read()
            assert hashlib.md5(body).hexdigest() == there[key]
        for key in set(there) & doubtful:
            s3.delete_object(Bucket="kill", Key=key)
    cloud.stop()
    blobs = [path for path in (cloud.directory / "data" / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) <= len(kept) + len(doubtful)


def test_a_function_and_an_event_survive_kill_9(
    start_cloud: Callable[..., Any], eventually: Callable[..., Any]
) -> None:
    import io
    import json
    import sys
    import zipfile

    cloud = start_cloud()
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    role = cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::kill-results/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=policy)
    source = (
        "import boto3, time\n"
        "def handler(event, context):\n"
        "    time.sleep(event.get('sleep', 0))\n"
        "    boto3.client('s3').put_object(Bucket='kill-results', Key=event['key'], Body=b'done')\n"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    functions, s3 = cloud.client("lambda"), cloud.client("s3")
    s3.create_bucket(Bucket="kill-results")
    functions.create_function(
        FunctionName="f",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler="app.handler",
        Role=role,
        Timeout=30,
        Code={"ZipFile": buffer.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    for number in range(3):
        payload = json.dumps({"key": f"event-{number}", "sleep": 0.5})
        assert functions.invoke(FunctionName="f", InvocationType="Event", Payload=payload)["StatusCode"] == 202
    cloud.kill()
    cloud.start()
    s3 = cloud.client("s3")
    eventually(lambda: s3.list_objects_v2(Bucket="kill-results")["KeyCount"] == 3, what="the events")
