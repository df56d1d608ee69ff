"""Clients that leave, that dawdle, that come in crowds: nothing of theirs stays, and others do not notice."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

RESET = struct.pack("ii", 1, 0)
UNSIGNED = {"x-amz-decoded-content-length": "50000000", "Content-Encoding": "aws-chunked"}


@pytest.fixture
def cloud_on_disk(start_cloud: Callable[..., Any]) -> Any:
    cloud = start_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="big", Body=bytes(12_000_000))
    return cloud


def test_clients_that_leave_take_everything_with_them(
    cloud_on_disk: Any, sender_to: Any, look: Any, eventually: Any
) -> None:
    cloud, pid = cloud_on_disk, cloud_on_disk.process.pid
    data = cloud.directory / "data"
    sender = sender_to(cloud)
    s3 = cloud.client("s3")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    for warm in range(3):  # what is opened once and kept
        s3.put_object(Bucket="bucket", Key=f"warm{warm}", Body=bytes(2_000_000))
        s3.get_object(Bucket="bucket", Key="big")["Body"].read()
        s3.delete_object(Bucket="bucket", Key=f"warm{warm}")
    eventually(lambda: len(look.blobs(data)) == 1, what="the warm-up's blobs going away")
    files = Counter(look.files(pid))
    before = (files, look.blobs(data))
    part = f"/bucket/parts?partNumber=1&uploadId={upload}"
    uploads: list[tuple[str, dict[str, str], str, int, bytes]] = [
        ("/bucket/small", {}, "", 900_000, b""),
        ("/bucket/large", {}, "", 50_000_000, b""),
        ("/bucket/signed", {}, "0" * 64, 50_000_000, b""),
        ("/bucket/chunks", UNSIGNED, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", 50_100_000, b"2faf080\r\n"),
        (part, {}, "", 50_000_000, b""),
    ]
    seen = 0
    for path, headers, payload, length, first in uploads:
        for end in (b"", RESET):
            sock = sender.begin("s3", "PUT", path, headers, length=length, payload=payload)
            sock.sendall(first + bytes(min(length - 1, 3_000_000)))
            if length > 1_000_000:
                eventually(lambda: len(look.blobs(data)) > len(before[1]), what="the upload reaching the disk")
                seen += 1
            if end:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, end)
            sock.close()
            eventually(lambda: look.blobs(data) == before[1], what=f"the file of {path} going away")
    assert seen == 8
    for end in (b"", RESET):
        sock = sender.begin("s3", "GET", "/bucket/big")
        sock.recv(100_000)
        if end:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, end)
        sock.close()
    kinds = {name for name in files if not name.startswith("socket:")}
    eventually(
        lambda: (
            {name for name in look.files(pid) if not name.startswith("socket:")} <= kinds
            and len(look.files(pid)) <= files.total()
        ),
        what="all descriptors being closed",
    )
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["big"]
    assert s3.list_parts(Bucket="bucket", Key="parts", UploadId=upload).get("Parts", []) == []
    assert cloud.stop() == 0
    assert "Traceback" not in cloud.log()


def test_two_hundred_clients_beside_three_hundred_that_dawdle(
    cloud_on_disk: Any, sender_to: Any, look: Any, eventually: Any
) -> None:
    cloud, pid = cloud_on_disk, cloud_on_disk.process.pid
    sender = sender_to(cloud)
    s3 = cloud.client("s3")
    s3.put_object(Bucket="bucket", Key="k", Body=b"hello")
    before = len(look.files(pid))
    dawdlers = [sender.connect() for _ in range(300)]
    for number, sock in enumerate(dawdlers):
        if number % 3 == 0:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-a: ")
        elif number % 3 == 1:
            sock.sendall(b"PUT /bucket/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx")
    head = sender.headers("s3", "GET", "/bucket/k", {"Connection": "close"})
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    request = f"GET /bucket/k HTTP/1.1\r\n{lines}\r\n".encode()
    answers: Counter[bytes] = Counter()
    slowest: list[float] = []

    def client() -> None:
        for _ in range(5):
            began = time.monotonic()
            answers[sender.exchange(request).body] += 1
            slowest.append(time.monotonic() - began)

    threads = [threading.Thread(target=client) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {b"hello": 1000}
    assert max(slowest) < 5
    for sock in dawdlers:
        sock.close()
    eventually(lambda: len(look.files(pid)) <= before + 1, what="the connections' descriptors being closed")


def test_a_client_that_leaves_does_not_stop_what_it_began(
    cloud: Any, account: str, make_function: Any, sender: Any, eventually: Any
) -> None:
    source = (
        "import time, boto3\ndef handler(event, context):\n    time.sleep(0.3)\n"
        "    boto3.client('s3').put_object(Bucket=event, Key='done', Body=b'x')\n"
    )
    make_function(cloud, "slow", source, account)
    s3 = cloud.client("s3", account=account)
    bucket = f"left-{account}"
    s3.create_bucket(Bucket=bucket)
    body = f'"{bucket}"'.encode()
    path = "/2015-03-31/functions/slow/invocations"
    head = sender.headers("lambda", "POST", path, {}, body)
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    with sender.connect() as sock:
        sock.sendall(f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        time.sleep(0.1)  # it has begun, or will: either way nobody waits for it
    eventually(lambda: s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1, what="the function's own end")
