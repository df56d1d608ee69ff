"""Copies: directives, conditions, and every place that bytes can be in."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from cumulet.base.errors import AwsError
from cumulet.services.s3.engine import checksums
from cumulet.services.s3.operations.copy import Source, source

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MB = 1024 * 1024


def refused(call: Any, **params: Any) -> tuple[str, int]:
    """The code and status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_sources() -> None:
    assert source("b/k") == source("/b/k") == Source("b", "k", None)
    assert source("b/a%2Fb%20c%3F/d") == Source("b", "a/b c?/d", None)
    assert source("b/k?versionId=v1") == Source("b", "k", "v1")
    assert source("b//x") == Source("b", "/x", None)
    for wrong in ("", "b", "/", "b/", "/k", "b/%FF"):
        with pytest.raises(AwsError, match="InvalidArgument"):
            source(wrong)


@pytest.mark.parametrize("size", [0, 10, 65536, 65537, 2_000_000])
def test_a_copy_outlives_its_source(s3: S3Client, bucket: str, size: int) -> None:
    data = random.Random(size).randbytes(size)
    key = "from/ü +%&?.txt"
    put = s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata={"m": "1"}, ContentType="text/x", Tagging="t=1")
    got = s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": key})
    assert got["CopyObjectResult"]["ETag"] == put["ETag"]
    s3.delete_object(Bucket=bucket, Key=key)
    copy = s3.get_object(Bucket=bucket, Key="to", ChecksumMode="ENABLED")
    assert copy["Body"].read() == data
    assert (copy["Metadata"], copy["ContentType"], copy["TagCount"]) == ({"m": "1"}, "text/x", 1)
    assert copy["ChecksumCRC32"] == put["ChecksumCRC32"]


def test_a_copy_of_a_multipart_object_is_one_piece(s3: S3Client, bucket: str) -> None:
    upload: Any = {"Bucket": bucket, "Key": "from"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    pieces = [random.Random(n).randbytes(size) for n, size in enumerate((5 * MB, 9))]
    parts: Any = []
    for number, data in enumerate(pieces, 1):
        done = s3.upload_part(**upload, PartNumber=number, Body=data, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumSHA256": done["ChecksumSHA256"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    whole = b"".join(pieces)
    got = s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from")["CopyObjectResult"]
    assert got["ETag"] == f'"{hashlib.md5(whole).hexdigest()}"'
    assert got["ChecksumSHA256"] == checksums.compute("SHA256", whole)
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/to", MetadataDirective="REPLACE", Metadata={"a": "b"})
    s3.delete_object(Bucket=bucket, Key="from")
    copy = s3.get_object(Bucket=bucket, Key="to")
    assert copy["Body"].read() == whole
    assert copy["Metadata"] == {"a": "b"}
    assert "PartsCount" not in s3.head_object(Bucket=bucket, Key="to", PartNumber=1)
    assert (
        s3.get_object(Bucket=bucket, Key="to", Range=f"bytes={5 * MB - 2}-{5 * MB + 1}")["Body"].read()
        == whole[5 * MB - 2 : 5 * MB + 2]
    )


def test_directives(s3: S3Client, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="from", Body=b"x", Metadata={"m": "1"}, Tagging="t=1", StorageClass="STANDARD_IA",
        WebsiteRedirectLocation="/old", CacheControl="no-cache",
    )  # fmt: skip
    s3.copy_object(
        Bucket=bucket, Key="to", CopySource=f"{bucket}/from", MetadataDirective="REPLACE", Metadata={"n": "2"},
        TaggingDirective="REPLACE", Tagging="u=1&v=2", ChecksumAlgorithm="SHA1",
    )  # fmt: skip
    got = s3.get_object(Bucket=bucket, Key="to", ChecksumMode="ENABLED")
    assert (got["Metadata"], got["TagCount"], got["ContentType"]) == ({"n": "2"}, 2, "binary/octet-stream")
    assert got["ChecksumSHA1"] == checksums.compute("SHA1", b"x")
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=f"{bucket}/from", Metadata={"ignored": "1"})
    kept: Any = s3.get_object(Bucket=bucket, Key="kept")
    assert (kept["Metadata"], kept["CacheControl"]) == ({"m": "1"}, "no-cache")
    assert "StorageClass" not in kept
    assert "WebsiteRedirectLocation" not in kept
    wrong: Any = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/from"}
    assert refused(s3.copy_object, **wrong, MetadataDirective="MAYBE") == ("InvalidArgument", 400)


def test_a_copy_to_itself_changes_something(s3: S3Client, bucket: str) -> None:
    for size in (5, 100_000):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x" * size)
        same: Any = {"Bucket": bucket, "Key": "k", "CopySource": f"{bucket}/k"}
        assert refused(s3.copy_object, **same) == ("InvalidRequest", 400)
        s3.copy_object(**same, StorageClass="ONEZONE_IA")
        s3.copy_object(**same, MetadataDirective="REPLACE", Metadata={"a": "b"})
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * size


def test_conditions_on_the_source(s3: S3Client, bucket: str) -> None:
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    named: Any = {"Bucket": bucket, "Key": "to", "CopySource": f"{bucket}/k"}
    s3.copy_object(**named, CopySourceIfMatch=tag)
    assert refused(s3.copy_object, **named, CopySourceIfMatch='"no"') == ("PreconditionFailed", 412)
    assert refused(s3.copy_object, **named, CopySourceIfNoneMatch=tag) == ("PreconditionFailed", 412)
    assert refused(s3.copy_object, **named, IfNoneMatch="*") == ("PreconditionFailed", 412)
    missing = {**named, "CopySource": f"{bucket}/absent"}
    assert refused(s3.copy_object, **missing) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, **{**named, "CopySource": "no-such-bucket-here/k"}) == ("NoSuchBucket", 404)
    assert s3.copy_object(**{**named, "CopySource": f"{bucket}/k?versionId=null"})["CopySourceVersionId"] == "null"


def test_a_source_is_percent_decoded_once(s3: S3Client, bucket: str, send: Any) -> None:
    s3.put_object(Bucket=bucket, Key="a%20b", Body=b"x")
    assert send("PUT", f"/{bucket}/to", headers={"x-amz-copy-source": f"/{bucket}/a%20b"})[0] == 404
    assert send("PUT", f"/{bucket}/to", headers={"x-amz-copy-source": f"{bucket}/a%2520b"})[0] == 200
