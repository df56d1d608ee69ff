"""Heads and bodies that contradict themselves, digests that do not match, bodies that end too early."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import pytest

GET = "GET /_cumulet/health HTTP/1.1\r\n"
POST = "POST /x HTTP/1.1\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (GET, 400),  # no Host
        (GET + "Host: localhost\r\nHost: localhost\r\n", 400),
        (GET + "Host: a, b\r\n", 421),
        ("GET http://evil.example/_cumulet/health HTTP/1.1\r\nHost: localhost\r\n", 421),
        (POST + "Host: localhost\r\nContent-Length: 5\r\n" + CHUNKED, 400),
        (POST + "Host: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: 5\r\nContent-Length: 5\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: 5, 5\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: -5\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: +5\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: 0x5\r\n", 400),
        (POST + "Host: localhost\r\nContent-Length: 99999999999999999999\r\n", 400),
        (POST + "Host: localhost\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
        (POST + "Host: localhost\r\nTransfer-Encoding: xchunked\r\n", 400),
        (POST + "Host: localhost\r\nTransfer-Encoding : chunked\r\n", 400),
        (POST + "Host: localhost\r\n" + CHUNKED + CHUNKED, 400),
        (GET + "Host: localhost\r\nX: a\r\n b\r\n", 400),
        (GET + "Host: localhost\r\nX: a\x00b\r\n", 400),
        (GET + "Host: localhost\r\nX: a\rY: b\r\n", 400),
        (GET + "Host: localhost\r\n: b\r\n", 400),
        (GET + "Host: localhost\r\na b: c\r\n", 400),
        ("PRI * HTTP/2.0\r\n", 400),
        ("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("BREW / HTTP/1.1\r\nHost: localhost\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: localhost\r\n", 400),
        (GET + "Host: localhost\r\n" + "a: b\r\n" * 500, 431),
        (GET + "Host: localhost\r\na: " + "x" * 100_000 + "\r\n", 431),
        ("GET /" + "x" * 100_000 + " HTTP/1.1\r\nHost: localhost\r\n", 414),
        (GET + "Host: localhost\r\nExpect: 200-maybe\r\n", 417),
    ],
    ids=lambda value: repr(value[15:60]) if isinstance(value, str) else value,
)
def test_heads(sender: Any, head: str, status: int) -> None:
    # What follows must never be taken for a request of its own.
    smuggled = "0\r\n\r\nPOST /_cumulet/stop HTTP/1.1\r\nHost: localhost\r\n\r\n"
    assert sender.exchange((head + "\r\n" + smuggled).encode("latin-1")).status == status
    assert sender.send(None, "GET", "/_cumulet/health").status == 200


@pytest.fixture
def bucket(sender: Any) -> str:
    name = f"framing-{sender.account}"
    assert sender.send("s3", "PUT", f"/{name}").status == 200
    return name


@pytest.mark.parametrize("size", [5, 3_000_000])
@pytest.mark.parametrize(
    ("headers", "payload", "code"),
    [
        ({"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "", "BadDigest"),
        ({"Content-MD5": "AAAA"}, "", "InvalidDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "", "BadDigest"),
        ({"x-amz-checksum-sha256": "A" * 43 + "="}, "", "BadDigest"),
        ({"x-amz-checksum-crc32c": "!"}, "", "InvalidRequest"),
        ({}, "0" * 64, "XAmzContentSHA256Mismatch"),
        ({}, "nonsense", "InvalidArgument"),
        ({}, "STREAMING-NONSENSE", "InvalidArgument"),
        ({}, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "MissingContentLength"),
    ],
    ids=str,
)
def test_digests_that_do_not_match(
    sender: Any, bucket: str, headers: dict[str, str], payload: str, code: str, size: int
) -> None:
    reply = sender.send("s3", "PUT", f"/{bucket}/k", headers, b"x" * size, payload=payload)
    assert f"<Code>{code}</Code>" in reply.text
    assert reply.status == (411 if code == "MissingContentLength" else 400)
    assert sender.send("s3", "GET", f"/{bucket}/k").status == 404


@pytest.mark.parametrize("sent", [100, 2_000_000])
@pytest.mark.parametrize("kind", ["length", "chunked", "aws-chunked", "digest"])
def test_bodies_that_end_too_early(sender: Any, bucket: str, kind: str, sent: int) -> None:
    headers, payload, length = {}, "", 3_000_000
    data = b"x" * sent
    if kind in ("chunked", "aws-chunked"):
        headers = {"x-amz-decoded-content-length": "3000000", "Content-Encoding": "aws-chunked"}
        payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        data = b"%x\r\n" % 3_000_000 + data
        if kind == "chunked":
            data = b"%x\r\n" % 3_100_000 + data
    elif kind == "digest":
        payload = hashlib.sha256(b"x" * 3_000_000).hexdigest()
    sock = sender.begin(
        "s3", "PUT", f"/{bucket}/k", headers, length=None if kind == "chunked" else length, payload=payload
    )
    sock.sendall(data)
    sock.shutdown(socket.SHUT_WR)
    reply = sender.end(sock)
    assert (reply.status, "<Code>IncompleteBody</Code>" in reply.text) == (400, True), reply.text
    assert sender.send("s3", "GET", f"/{bucket}/k").status == 404


def test_aws_chunks_of_another_length_than_promised(sender: Any, bucket: str) -> None:
    for promised in (4, 6):
        headers = {"x-amz-decoded-content-length": str(promised), "Content-Encoding": "aws-chunked"}
        body = b"5\r\nhello\r\n0\r\n\r\n"
        payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        reply = sender.send("s3", "PUT", f"/{bucket}/k", headers, body, payload=payload)
        assert (reply.status, "<Code>IncompleteBody</Code>" in reply.text) == (400, True), reply.text
    headers["x-amz-decoded-content-length"] = "5"
    reply = sender.send(
        "s3", "PUT", f"/{bucket}/k", {**headers, "x-amz-trailer": "x-amz-checksum-crc32"},
        b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", payload=payload,
    )  # fmt: skip
    assert (reply.status, "<Code>BadDigest</Code>" in reply.text) == (400, True), reply.text
    assert sender.send("s3", "GET", f"/{bucket}/k").status == 404
