"""A reset in the middle of everything: a cloud as new, with nothing of the old one in it or on the disk."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

SLOW = """
import time
def handler(event, context):
    print("begin", flush=True)
    time.sleep(event)
    print("end", flush=True)
    return event
"""


@pytest.fixture
def cloud_on_disk(start_cloud: Callable[..., Any]) -> Any:
    return start_cloud()


def test_uploads_and_downloads(cloud_on_disk: Any, sender_to: Any, look: Any, eventually: Any) -> None:
    cloud, data = cloud_on_disk, cloud_on_disk.directory / "data"
    sender = sender_to(cloud)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="big", Body=bytes(20_000_000))
    upload = sender.begin("s3", "PUT", "/bucket/up", length=4_000_000)
    upload.sendall(bytes(3_000_000))
    left = sender.begin("s3", "PUT", "/bucket/left", length=4_000_000)
    left.sendall(bytes(3_000_000))
    download = sender.begin("s3", "GET", "/bucket/big")
    download.recv(1000)
    eventually(lambda: len(look.blobs(data)) == 3, what="both uploads reaching the disk")
    cloud.admin("POST", "/_cumulet/reset")
    upload.sendall(bytes(1_000_000))
    reply = sender.end(upload)
    assert (reply.status, "<Code>NoSuchBucket</Code>" in reply.text) == (404, True)
    left.close()
    # What has begun to leave is whole: the file's name is gone, its bytes are not.
    size = 1000
    while data_ := download.recv(1_000_000):
        size += len(data_)
        if size >= 20_000_000:
            break
    assert size >= 20_000_000
    download.close()
    eventually(lambda: not look.blobs(data), what="the files going away")
    assert s3.list_buckets()["Buckets"] == []
    assert not [name for name in look.files(cloud.process.pid) if "/blobs/" in name]
    cloud.kill()
    cloud.start()
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_functions_that_run_are_ended_and_write_nothing_into_the_new_cloud(
    cloud_on_disk: Any, make_function: Any, look: Any
) -> None:
    cloud = cloud_on_disk
    client = make_function(cloud, "slow", SLOW, Timeout=60)
    client.invoke(FunctionName="slow", Payload=b"0")
    answers: list[bytes] = []

    def invoke() -> None:
        answers.append(client.invoke(FunctionName="slow", Payload=b"30")["Payload"].read())

    threads = [threading.Thread(target=invoke) for _ in range(3)]
    for thread in threads:
        thread.start()
    client.invoke(FunctionName="slow", InvocationType="Event", Payload=b"30")
    time.sleep(0.3)  # they run by now, or start: both must end
    began = time.monotonic()
    cloud.admin("POST", "/_cumulet/reset")
    for thread in threads:
        thread.join()
    assert time.monotonic() - began < 5
    assert len(answers) == 3
    assert all(b"Runtime.ExitError" in answer for answer in answers)
    assert cloud.client("logs").describe_log_groups()["logGroups"] == []
    assert client.list_functions()["Functions"] == []
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="slow", Payload=b"0")
    again = make_function(cloud, "slow", SLOW)
    assert again.invoke(FunctionName="slow", Payload=b"0")["Payload"].read() == b"0"
    info = cloud.admin("GET", "/_cumulet/info")
    assert (info["outbox_idle"], info["dead_letters"]) == (True, [])


def test_resets_under_a_storm_of_requests(cloud_on_disk: Any, make_function: Any, look: Any, eventually: Any) -> None:
    cloud = cloud_on_disk
    stop = threading.Event()
    codes: Counter[str] = Counter()

    def storm(number: int) -> None:
        s3, count = cloud.client("s3"), 0
        while not stop.is_set():
            count += 1
            bucket = f"storm-{number}-{count}"
            try:
                s3.create_bucket(Bucket=bucket)
                s3.put_object(Bucket=bucket, Key="k", Body=bytes(100_000))
                if number == 0:
                    client = make_function(cloud, f"f{count}", SLOW)
                    client.invoke(FunctionName=f"f{count}", Payload=b"0")
            except ClientError as err:
                codes[err.response["Error"]["Code"]] += 1
            except Exception as err:
                codes[type(err).__name__] += 1

    threads = [threading.Thread(target=storm, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        time.sleep(0.2)  # what is under way at this moment is the point
        assert cloud.admin("POST", "/_cumulet/reset") == {"status": "reset"}
    stop.set()
    for thread in threads:
        thread.join()
    assert not {code for code in codes if "Internal" in code or "Service" in code}, codes
    cloud.admin("POST", "/_cumulet/reset")
    assert cloud.client("s3").list_buckets()["Buckets"] == []
    data = cloud.directory / "data"
    eventually(lambda: not look.blobs(data), what="the files going away")
    assert cloud.stop() == 0
    assert "Traceback" not in cloud.log()
