"""Checksums of every algorithm: in headers, in trailers, wrong ones, and those the server adds."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from cumulet.base.errors import AwsError
from cumulet.services.s3.engine import checksums, etag

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

CHECK = b"123456789"
# The check values that the algorithms' own definitions give for the digits 1 to 9.
KNOWN = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": hashlib.sha1(CHECK).hexdigest(),
    "SHA256": hashlib.sha256(CHECK).hexdigest(),
    "SHA512": hashlib.sha512(CHECK).hexdigest(),
    "MD5": hashlib.md5(CHECK).hexdigest(),
    "XXHASH64": "8cb841db40e6ae83",
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_values(name: str) -> None:
    assert checksums.compute(name, CHECK) == base64.b64encode(bytes.fromhex(KNOWN[name])).decode()


@pytest.mark.parametrize("name", checksums.ALGORITHMS)
def test_pieces_make_the_same_checksum(name: str) -> None:
    data = random.Random(1).randbytes(5000)
    running = checksums.running(name)
    for begin in range(0, len(data), 777):
        running.update(data[begin : begin + 777])
    assert checksums.encode(running.digest()) == checksums.compute(name, data)
    assert checksums.valid(name, checksums.compute(name, data))
    assert not checksums.valid(name, "AAA")


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_crcs_of_parts_combine(parts: list[bytes]) -> None:
    for name in ("CRC32", "CRC32C", "CRC64NVME"):
        together = checksums.combine(name, [(checksums.compute(name, part), len(part)) for part in parts])
        assert together == checksums.compute(name, b"".join(parts))


def test_tags() -> None:
    assert etag.of(b"") == "d41d8cd98f00b204e9800998ecf8427e"
    parts = [etag.of(b"a"), etag.of(b"b")]
    raw = hashlib.md5(b"a").digest() + hashlib.md5(b"b").digest()
    assert etag.of_parts(parts) == hashlib.md5(raw).hexdigest() + "-2"
    assert etag.content_md5("1B2M2Y8AsgTpgAmY7PhCfg==") == etag.of(b"")
    for wrong in ("", "abc", "1B2M2Y8AsgTpgAmY7PhCfg", "AAAA"):
        with pytest.raises(AwsError, match="InvalidDigest"):
            etag.content_md5(wrong)


@pytest.mark.parametrize("name", checksums.ALGORITHMS)
@pytest.mark.parametrize("size", [100, 1_500_000])
def test_a_checksum_in_a_header(bucket: str, send: Any, name: str, size: int) -> None:
    data = random.Random(size).randbytes(size)
    header, value = f"x-amz-checksum-{name.lower()}", checksums.compute(name, data)
    status, headers, body = send("PUT", f"/{bucket}/k", data, {header: value})
    assert (status, body) == (200, b"")
    assert headers[header] == value
    assert headers["x-amz-checksum-type"] == "FULL_OBJECT"
    _, headers, body = send("GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (headers[header], body) == (value, data)
    assert header not in send("GET", f"/{bucket}/k")[1]
    assert (
        header not in send("GET", f"/{bucket}/k", headers={"x-amz-checksum-mode": "ENABLED", "Range": "bytes=1-2"})[1]
    )
    wrong = checksums.compute(name, data + b"!")
    status, _, body = send("PUT", f"/{bucket}/k", b"new" + data, {header: wrong})
    assert status == 400
    assert (
        f"<Code>BadDigest</Code><Message>The {name} you specified did not match the calculated checksum.".encode()
        in body
    )
    assert send("GET", f"/{bucket}/k")[2] == data


def _chunked(data: bytes, trailers: bytes, size: int = 65536) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


@pytest.mark.parametrize("name", ["CRC32", "CRC64NVME", "SHA256"])
@pytest.mark.parametrize("size", [0, 1000, 2_000_000])
def test_a_checksum_in_a_trailer(bucket: str, send: Any, name: str, size: int) -> None:
    data = random.Random(size).randbytes(size)
    header, value = f"x-amz-checksum-{name.lower()}", checksums.compute(name, data)

    def put(trailers: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {
            "x-amz-trailer": header,
            "x-amz-decoded-content-length": str(size),
            "Content-Encoding": "gzip,aws-chunked",
        }
        answer: tuple[int, dict[str, str], bytes] = send(
            "PUT", f"/{bucket}/k", _chunked(data, trailers), headers, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        )
        return answer

    for bad, code in (
        (b"", b"MalformedTrailerError"),
        (f"{header}:{checksums.compute(name, b'other')}\r\n".encode(), b"BadDigest"),
        (f"{header}:nonsense\r\n".encode(), b"InvalidRequest"),
    ):
        status, _, body = put(bad)
        assert (status, b"<Code>" + code + b"</Code>" in body) == (400, True), body
    assert send("GET", f"/{bucket}/k")[0] == 404
    status, headers, _ = put(f"{header}:{value}\r\n".encode())
    assert (status, headers[header]) == (200, value)
    _, headers, body = send("GET", f"/{bucket}/k")
    assert (body, headers["content-encoding"]) == (data, "gzip")


def test_what_is_said_of_a_checksum_must_make_sense(bucket: str, send: Any) -> None:
    for headers, message in (
        ({"x-amz-checksum-crc32": "xx"}, b"Value for x-amz-checksum-crc32 header is invalid."),
        (
            {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": "x"},
            b"Expecting a single x-amz-checksum- header.",
        ),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, b"but no corresponding x-amz-checksum-* or x-amz-trailer"),
        ({"x-amz-sdk-checksum-algorithm": "CRC5"}, b"Value for x-amz-sdk-checksum-algorithm header is invalid."),
    ):
        status, _, body = send("PUT", f"/{bucket}/k", b"x", headers)
        assert (status, b"<Code>InvalidRequest</Code>" in body, message in body) == (400, True, True), body


def test_the_server_adds_a_checksum(s3: S3Client, bucket: str, send: Any) -> None:
    for data in (b"hello", b"x" * 100_000):
        assert send("PUT", f"/{bucket}/k", data)[0] == 200
        got = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got["ChecksumCRC64NVME"] == checksums.compute("CRC64NVME", data)
        assert got["ChecksumType"] == "FULL_OBJECT"


def test_content_md5(s3: S3Client, bucket: str) -> None:
    for data in (b"x", b"x" * 100_000):
        right = base64.b64encode(hashlib.md5(data).digest()).decode()
        s3.put_object(Bucket=bucket, Key="k", Body=data, ContentMD5=right)
        for wrong, code in (
            (base64.b64encode(hashlib.md5(b"y").digest()).decode(), "BadDigest"),
            ("nonsense", "InvalidDigest"),
        ):
            with pytest.raises(ClientError) as caught:
                s3.put_object(Bucket=bucket, Key="new", Body=data, ContentMD5=wrong)
            assert caught.value.response["Error"]["Code"] == code
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]


def test_boto_sends_and_checks_crc32_by_default(s3: S3Client, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    assert put["ChecksumCRC32"] == base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"hello"
