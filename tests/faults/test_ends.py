"""How a cloud ends, politely or not, in the middle of work: nothing is left running, and the next one goes on."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

SLOW = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event\n"
NOTES = "def handler(event, context):\n    print('note', event['n'])\n    return event\n"


@pytest.fixture
def cloud_on_disk(start_cloud: Callable[..., Any]) -> Any:
    return start_cloud(env={"CUMULET_LAMBDA_RETRY_DELAYS": "0.1,0.1"})


def test_kill_9_under_a_load_of_functions_and_events(
    cloud_on_disk: Any, make_function: Any, look: Any, eventually: Any
) -> None:
    cloud = cloud_on_disk
    client = make_function(cloud, "notes", NOTES)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    client.add_permission(
        FunctionName="notes", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    arn = client.get_function(FunctionName="notes")["Configuration"]["FunctionArn"]
    rule = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    accepted: list[int] = []
    stop = threading.Event()

    def load(kind: int) -> None:
        own = cloud.client("lambda")
        number = kind * 1_000_000
        while not stop.is_set():
            number += 1
            payload = json.dumps({"n": number}).encode()
            try:
                if kind == 0:
                    own.invoke(FunctionName="notes", Payload=payload)
                elif kind == 1:
                    make_function(cloud, f"f{number}", SLOW)
                else:
                    own.invoke(FunctionName="notes", InvocationType="Event", Payload=payload)
                    accepted.append(number)
            except (BotoCoreError, ClientError):
                return

    for _ in range(2):
        stop.clear()
        threads = [threading.Thread(target=load, args=(kind,)) for kind in (0, 1, 2, 3)]
        for thread in threads:
            thread.start()
        time.sleep(0.8)  # the moment of death is what is being tested
        below = look.children(cloud.process.pid)
        assert len(below) > 2
        cloud.kill()
        stop.set()
        eventually(lambda below=below: not any(map(look.alive, below)), timeout=5, what="every worker's end")
        for thread in threads:
            thread.join()
        cloud.start()  # on the same port
        client = cloud.client("lambda")
        assert json.loads(client.invoke(FunctionName="notes", Payload=b'{"n":0}')["Payload"].read()) == {"n": 0}
        states = {item["FunctionName"] for item in client.list_functions()["Functions"]}
        for name in states:
            client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
    # At least once: whatever was accepted runs, in this process or the next.
    logs = cloud.client("logs")

    def missing() -> set[int]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="/aws/lambda/notes", filterPattern='"note"'
        )
        return set(accepted) - {int(event["message"].split()[1]) for page in pages for event in page["events"]}

    assert len(accepted) > 20
    eventually(lambda: not missing(), what="every accepted event's delivery")
    s3.put_bucket_notification_configuration(
        Bucket="bucket", NotificationConfiguration={"LambdaFunctionConfigurations": [rule]}
    )
    info = cloud.admin("GET", "/_cumulet/info")
    assert info["dead_letters"] == []
    assert cloud.stop() == 0


def test_a_polite_end_finishes_what_can_be_finished(
    cloud_on_disk: Any, make_function: Any, sender_to: Any, look: Any
) -> None:
    cloud = cloud_on_disk
    client = make_function(cloud, "slow", SLOW, Timeout=60)
    cloud.client("s3").create_bucket(Bucket="bucket")
    client.invoke(FunctionName="slow", Payload=b"0")
    sender = sender_to(cloud)
    upload = sender.begin("s3", "PUT", "/bucket/k", length=4_000_000)
    upload.sendall(bytes(2_000_000))
    path = "/2015-03-31/functions/slow/invocations"

    def invoke(seconds: bytes) -> Any:
        head = sender.headers("lambda", "POST", path, {}, seconds) | {"Content-Length": str(len(seconds))}
        sock = sender.connect()
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        sock.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + seconds)
        return sock

    short, idle = invoke(b"1"), sender.connect()
    time.sleep(0.3)  # all of them are under way
    below = look.children(cloud.process.pid)
    began = time.monotonic()
    cloud.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    upload.sendall(bytes(2_000_000))
    assert sender.end(upload).status == 200
    assert sender.end(short, "POST").body == b"1"
    assert cloud.process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    idle.close()
    assert not any(map(look.alive, below))
    assert "Traceback" not in cloud.log()
    cloud.start()
    assert cloud.client("s3").head_object(Bucket="bucket", Key="k")["ContentLength"] == 4_000_000


def test_a_polite_end_does_not_wait_for_ever(
    start_cloud: Any, make_function: Any, sender_to: Any, look: Any, eventually: Any
) -> None:
    cloud = start_cloud("--ephemeral")
    make_function(cloud, "slow", SLOW, Timeout=600)
    sender = sender_to(cloud)
    path = "/2015-03-31/functions/slow/invocations"
    body = b"500"
    head = sender.headers("lambda", "POST", path, {}, body) | {"Content-Length": "3"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    sock = sender.connect()
    sock.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
    eventually(lambda: len(look.children(cloud.process.pid)) >= 2, what="the worker")
    below = look.children(cloud.process.pid)
    began = time.monotonic()
    assert cloud.stop() == 0
    assert time.monotonic() - began < 6.5
    assert not any(map(look.alive, below))


def test_a_second_process_on_the_same_data_is_refused_and_harms_nothing(cloud_on_disk: Any) -> None:
    cloud = cloud_on_disk
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    data = str(cloud.directory / "data")
    second = subprocess.run(
        [sys.executable, "-m", "cumulet", "start", "--port", "0", "--data", data],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert "is in use by another Cumulet" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
    s3.put_object(Bucket="bucket", Key="k", Body=bytes(200_000))
    cloud.kill()
    cloud.start()
    assert cloud.client("s3").head_object(Bucket="bucket", Key="k")["ContentLength"] == 200_000


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="no prlimit here")
def test_functions_run_where_few_descriptors_are_allowed(start_cloud: Any, make_function: Any) -> None:
    cloud = start_cloud("--ephemeral")
    resource.prlimit(cloud.process.pid, resource.RLIMIT_NOFILE, (220, 220))  # its workers inherit it
    source = "import resource\ndef handler(event, context):\n    return resource.getrlimit(resource.RLIMIT_NOFILE)\n"
    client = make_function(cloud, "limits", source)
    assert json.loads(client.invoke(FunctionName="limits")["Payload"].read()) == [220, 220]
