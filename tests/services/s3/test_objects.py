"""Objects, as boto3 and bare HTTP meet them."""

from __future__ import annotations

import hashlib
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

KEYS = [
    "plain",
    "a/b/c.txt",
    "trailing/",
    "/leading",
    "//twice//",
    "../up",
    "a/../b",
    "./dot",
    "white space and + and %20",
    "grün/ü.txt",
    "日本語",
    "😀",
    "quote'\"<&>;:@=$,?#",
    "\x7f",
    "a\tb",
    "x" * 1024,
]


def refused(call: Any, **params: Any) -> tuple[str, int, str]:
    """The code, status and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response: Any = caught.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"].get("Message", ""),
    )


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_kept_as_it_is(s3: S3Client, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_key_has_at_most_1024_bytes(s3: S3Client, bucket: str) -> None:
    for key in ("x" * 1025, "ü" * 513):
        assert refused(s3.put_object, Bucket=bucket, Key=key)[:2] == ("KeyTooLongError", 400)


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 65537, 300_000, 1_048_576, 3_500_000])
def test_bytes_come_back_and_go(s3: S3Client, bucket: str, size: int) -> None:
    data = hashlib.shake_128(str(size).encode()).digest(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data)
    assert put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    assert got["ContentType"] == "binary/octet-stream"
    assert got["ServerSideEncryption"] == "AES256"
    assert got["AcceptRanges"] == "bytes"
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == size
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object, Bucket=bucket, Key="k")[:2] == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="k")[:2] == ("404", 404)


def test_an_overwrite_in_every_direction_of_size(s3: S3Client, bucket: str) -> None:
    for size in (10, 100_000, 0, 200_000, 50, 300_000, 20, 0, 5):
        data = bytes([size % 251]) * size
        s3.put_object(Bucket=bucket, Key="k", Body=data)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data
    assert len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == 1


def test_headers_and_metadata_are_kept(s3: S3Client, bucket: str) -> None:
    expires = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    s3.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ContentType="text/plain; charset=utf-8",
        CacheControl="max-age=5",
        ContentDisposition='attachment; filename="a.txt"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        Expires=expires,
        Metadata={"one": "1", "two-words": "a b"},
        StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/elsewhere",
        Tagging="a=1&b=two%20words",
        ServerSideEncryption="AES256",
        ACL="bucket-owner-full-control",
    )
    answers: Any = (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k"))
    for got in answers:
        assert got["ContentType"] == "text/plain; charset=utf-8"
        assert got["CacheControl"] == "max-age=5"
        assert got["ContentDisposition"] == 'attachment; filename="a.txt"'
        assert got["ContentEncoding"] == "gzip"
        assert got["ContentLanguage"] == "de"
        assert got["ExpiresString"] == "Tue, 06 May 2031 07:08:09 GMT"
        assert got["Metadata"] == {"one": "1", "two-words": "a b"}
        assert got["StorageClass"] == "STANDARD_IA"
        assert got["WebsiteRedirectLocation"] == "/elsewhere"
        assert got["TagCount"] == 2
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]


def test_metadata_beyond_ascii_and_beyond_2_kb(s3: S3Client, bucket: str, send: Any) -> None:
    status, _, _ = send("PUT", f"/{bucket}/k", b"x", {"x-amz-meta-name": "grün"})
    assert status == 200
    _, headers, _ = send("GET", f"/{bucket}/k")
    assert headers["x-amz-meta-name"] == "=?UTF-8?B?Z3LDvG4=?="
    assert refused(s3.put_object, Bucket=bucket, Key="k", Metadata={"m": "x" * 2048})[:2] == ("MetadataTooLarge", 400)
    s3.put_object(Bucket=bucket, Key="k", Metadata={"m": "x" * 2047})


def test_what_an_object_cannot_have_is_refused(s3: S3Client, bucket: str) -> None:
    put: Any = {"Bucket": bucket, "Key": "k", "Body": b"x"}
    for acl in ("public-read", "authenticated-read"):
        got = refused(s3.put_object, **put, ACL=acl)
        assert got == ("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
    assert refused(s3.put_object, **put, ServerSideEncryption="aws:kms")[:2] == ("NotImplemented", 501)
    assert refused(s3.put_object, **put, SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)[:2] == (
        "NotImplemented",
        501,
    )
    assert refused(s3.put_object, **put, StorageClass="CUPBOARD")[0] == "InvalidStorageClass"
    assert refused(s3.put_object, **put, Tagging="&".join(f"k{n}=v" for n in range(11)))[0] == "BadRequest"
    assert refused(s3.put_object, **put, Tagging="a=1&a=2")[0] == "InvalidTag"
    assert refused(s3.put_object, **put, WebsiteRedirectLocation="nowhere")[0] == "InvalidRedirectLocation"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_ranges(s3: S3Client, bucket: str) -> None:
    for size in (1000, 200_000):
        data = hashlib.shake_128(b"r").digest(size)
        s3.put_object(Bucket=bucket, Key="k", Body=data)

        def get(wanted: str, size: int = size) -> tuple[int, bytes, str | None]:
            got = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
            return got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read(), got.get("ContentRange")

        assert get("bytes=0-9") == (206, data[:10], f"bytes 0-9/{size}")
        assert get("bytes=990-99999999") == (206, data[990:], f"bytes 990-{size - 1}/{size}")
        assert get("bytes=500-") == (206, data[500:], f"bytes 500-{size - 1}/{size}")
        assert get("bytes=-7") == (206, data[-7:], f"bytes {size - 7}-{size - 1}/{size}")
        assert get("bytes=0-1,4-5") == (200, data, None)
        assert get("bytes=5-1") == (200, data, None)
        with pytest.raises(ClientError) as caught:
            get(f"bytes={size}-")
        error: Any = caught.value.response["Error"]
        assert (error["Code"], error["RangeRequested"], error["ActualObjectSize"]) == (
            "InvalidRange",
            f"bytes={size}-",
            str(size),
        )
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416
        head = s3.head_object(Bucket=bucket, Key="k", Range="bytes=0-9")
        assert head["ContentLength"] == 10
        assert head["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_conditional_reads(s3: S3Client, bucket: str) -> None:
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    now = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = now - timedelta(hours=1), now + timedelta(hours=1)
    named: Any = {"Bucket": bucket, "Key": "k"}
    s3.get_object(**named, IfMatch=tag)
    s3.get_object(**named, IfMatch=tag, IfUnmodifiedSince=before)
    s3.get_object(**named, IfNoneMatch='"other"', IfModifiedSince=after)
    s3.get_object(**named, IfModifiedSince=before)
    for condition in ({"IfMatch": '"no"'}, {"IfUnmodifiedSince": before}):
        with pytest.raises(ClientError) as caught:
            s3.get_object(**named, **condition)
        error: Any = caught.value.response["Error"]
        assert error["Code"] == "PreconditionFailed"
        assert error["Condition"] in ("If-Match", "If-Unmodified-Since")
    for condition in ({"IfNoneMatch": tag}, {"IfNoneMatch": "*"}, {"IfModifiedSince": now}):
        assert refused(s3.get_object, **named, **condition)[1] == 304
        assert refused(s3.head_object, **named, **condition)[1] == 304


def test_conditional_writes_and_deletes(s3: S3Client, bucket: str) -> None:
    named: Any = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.put_object, **named, Body=b"0", IfMatch='"x"')[:2] == ("NoSuchKey", 404)
    tag = s3.put_object(**named, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, **named, Body=b"2", IfNoneMatch="*")[:2] == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **named, Body=b"2" * 2_000_000, IfNoneMatch="*")[:2] == ("PreconditionFailed", 412)
    assert refused(s3.put_object, **named, Body=b"2", IfNoneMatch=tag)[:2] == ("NotImplemented", 501)
    assert refused(s3.put_object, **named, Body=b"2", IfMatch='"x"')[:2] == ("PreconditionFailed", 412)
    new = s3.put_object(**named, Body=b"2", IfMatch=tag)["ETag"]
    assert refused(s3.delete_object, **named, IfMatch=tag)[:2] == ("PreconditionFailed", 412)
    s3.delete_object(**named, IfMatch=new)
    assert refused(s3.head_object, **named)[1] == 404


def test_response_overrides(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    got: Any = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="text/html",
        ResponseContentDisposition="inline",
        ResponseCacheControl="no-store",
        ResponseContentLanguage="fr",
        ResponseContentEncoding="br",
        ResponseExpires=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert got["ContentType"] == "text/html"
    assert got["ContentDisposition"] == "inline"
    assert got["CacheControl"] == "no-store"
    assert got["ContentLanguage"] == "fr"
    assert got["ContentEncoding"] == "br"
    assert got["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"


def test_cold_objects_give_no_bytes(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    assert refused(s3.get_object, Bucket=bucket, Key="k")[:2] == ("InvalidObjectState", 403)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER"


def test_delete_many(s3: S3Client, bucket: str) -> None:
    names = [f"k{n}" for n in range(250)]
    for name in names[:5]:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    s3.put_object(Bucket=bucket, Key="stays", Body=b"x")
    entries: Any = [{"Key": name} for name in names] + [{"Key": "x" * 1025}]
    got = s3.delete_objects(Bucket=bucket, Delete={"Objects": entries})
    assert [entry["Key"] for entry in got["Deleted"]] == names
    assert [entry["Code"] for entry in got["Errors"]] == ["KeyTooLongError"]
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["stays"]
    assert "Deleted" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "stays"}], "Quiet": True})
    many: Any = [{"Key": "k"}] * 1001
    assert refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": many})[0] == "MalformedXML"


def test_delete_many_needs_a_true_digest(bucket: str, send: Any) -> None:
    document = b"<Delete><Object><Key>a</Key></Object></Delete>"
    status, _, body = send("POST", f"/{bucket}?delete", document)
    assert (status, b"Missing required header for this request: Content-MD5" in body) == (400, True)
    status, _, body = send("POST", f"/{bucket}?delete", document, {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="})
    assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)
    status, _, body = send("POST", f"/{bucket}?delete", document, {"x-amz-checksum-crc32": "AAAAAA=="})
    assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)


def test_a_document_that_is_not_what_its_digest_says(s3: S3Client, bucket: str, send: Any) -> None:
    document = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    for headers in ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"x-amz-checksum-crc32": "AAAAAA=="}):
        status, _, body = send("PUT", f"/{bucket}?tagging", document, headers)
        assert (status, b"<Code>BadDigest</Code>" in body) == (400, True)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)[0] == "NoSuchTagSet"
    assert send("PUT", f"/{bucket}?tagging", document)[0] < 300


def test_another_account_and_nobody_are_denied(cloud: Any, s3: S3Client, bucket: str, send: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    other = cloud.client("s3", account="987654321098")
    assert refused(other.get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403, "Access Denied")
    assert refused(other.put_object, Bucket=bucket, Key="k", Body=b"y")[:2] == ("AccessDenied", 403)
    assert refused(other.list_objects_v2, Bucket=bucket)[:2] == ("AccessDenied", 403)
    assert refused(s3.get_object, Bucket=bucket, Key="k", ExpectedBucketOwner="987654321098")[:2] == (
        "AccessDenied",
        403,
    )
    assert send("GET", f"/{bucket}/k", signed=False)[0] == 403
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_versions_that_never_were(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="k", VersionId="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")[:2] == (
        "NoSuchVersion",
        404,
    )


def test_a_truncated_body_leaves_nothing(cloud: Any, s3: S3Client, bucket: str) -> None:
    for size in (1000, 200_000, 3_000_000):
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "cut"})
        target = url.removeprefix(cloud.endpoint)
        host = cloud.endpoint.removeprefix("http://")
        name, _, port = host.rpartition(":")
        with socket.create_connection((name, int(port)), timeout=10) as raw:
            raw.sendall(f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n".encode())
            raw.sendall(b"x" * (size - 10))
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(10)
            while raw.recv(65536):
                pass
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_missing_length(cloud: Any, s3: S3Client, bucket: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    host = cloud.endpoint.removeprefix("http://")
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as raw:
        head = f"PUT {url.removeprefix(cloud.endpoint)} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
        raw.sendall(head.encode() + b"1\r\nx\r\n0\r\n\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 411 ")


def test_more_than_5_gib_are_refused_before_they_are_sent(cloud: Any, s3: S3Client, bucket: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    host = cloud.endpoint.removeprefix("http://")
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=10) as raw:
        head = (
            f"PUT {url.removeprefix(cloud.endpoint)} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {5 * 1024**3 + 1}\r\n"
        )
        raw.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n")
        answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>EntityTooLarge</Code>" in answer
