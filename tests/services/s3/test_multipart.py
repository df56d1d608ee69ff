"""Multipart uploads: the API step by step, and boto3's transfer manager."""

from __future__ import annotations

import base64
import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from cumulet.services.s3.engine import checksums

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

MB = 1024 * 1024


def refused(call: Any, **params: Any) -> tuple[str, int]:
    """The code and status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def start(s3: S3Client, bucket: str, **more: Any) -> dict[str, Any]:
    """The names that every call on an upload takes."""
    got = s3.create_multipart_upload(Bucket=bucket, Key="k", **more)
    return {"Bucket": bucket, "Key": "k", "UploadId": got["UploadId"]}


def part(s3: S3Client, upload: dict[str, Any], number: int, data: bytes, **more: Any) -> dict[str, Any]:
    """Upload a part; what CompleteMultipartUpload wants to hear of it."""
    got: Any = s3.upload_part(**upload, PartNumber=number, Body=data, **more)
    return {"PartNumber": number} | {
        name: value
        for name, value in got.items()
        if name == "ETag" or (name.startswith("Checksum") and name != "ChecksumType")
    }


def test_a_whole_upload(s3: S3Client, bucket: str) -> None:
    first, second, last = (random.Random(n).randbytes(size) for n, size in enumerate((5 * MB, 5 * MB + 3, 11)))
    upload = start(s3, bucket, ContentType="text/x", Metadata={"a": "b"}, Tagging="t=1")
    parts = [
        part(s3, upload, 2, b"old"),
        part(s3, upload, 2, second),
        part(s3, upload, 9, last),
        part(s3, upload, 1, first),
    ]
    part(s3, upload, 5, b"not used")
    listed = s3.list_parts(**upload)
    assert [(one["PartNumber"], one["Size"]) for one in listed["Parts"]] == [
        (1, 5 * MB),
        (2, 5 * MB + 3),
        (5, 8),
        (9, 11),
    ]
    page = s3.list_parts(**upload, MaxParts=2, PartNumberMarker=1)
    assert [one["PartNumber"] for one in page["Parts"]] == [2, 5]
    assert (page["IsTruncated"], page["NextPartNumberMarker"]) == (True, 5)
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload["UploadId"]]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    wanted: Any = {"Parts": [parts[3], parts[1], parts[2]]}
    done = s3.complete_multipart_upload(**upload, MultipartUpload=wanted)
    whole = first + second + last
    digests = b"".join(hashlib.md5(one).digest() for one in (first, second, last))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    again = s3.complete_multipart_upload(**upload, MultipartUpload=wanted)
    assert again["ETag"] == done["ETag"]
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == whole
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/x", {"a": "b"}, 1)
    for begin, end in ((0, 0), (5 * MB - 1, 5 * MB + 1), (10 * MB, 10 * MB + 13), (5, 10 * MB + 5)):
        assert (
            s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={begin}-{end}")["Body"].read() == whole[begin : end + 1]
        )
    second_part = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert second_part["Body"].read() == second
    assert (second_part["PartsCount"], second_part["ContentRange"]) == (3, f"bytes {5 * MB}-{10 * MB + 2}/{len(whole)}")
    assert refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=4)[1] == 416
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)


def test_parts_that_cannot_be(s3: S3Client, bucket: str) -> None:
    upload = start(s3, bucket)
    for number in (0, 10_001):
        assert refused(s3.upload_part, **upload, PartNumber=number, Body=b"x") == ("InvalidArgument", 400)
    one, two = part(s3, upload, 1, b"small"), part(s3, upload, 2, b"last")

    def complete(*parts: Any) -> tuple[str, int]:
        return refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": list(parts)})

    assert complete(one, two) == ("EntityTooSmall", 400)
    assert complete(two, one) == ("InvalidPartOrder", 400)
    assert complete(one, one) == ("InvalidPartOrder", 400)
    assert complete({"PartNumber": 1, "ETag": '"0123"'}) == ("InvalidPart", 400)
    assert complete({**two, "PartNumber": 3}) == ("InvalidPart", 400)
    assert complete() == ("MalformedXML", 400)
    assert refused(s3.upload_part, **{**upload, "UploadId": "none"}, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    assert refused(s3.upload_part, **{**upload, "Key": "other"}, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    s3.abort_multipart_upload(**upload)
    assert refused(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("NoSuchUpload", 404)
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.parametrize("name", ["CRC32", "CRC32C", "SHA1", "SHA256"])
def test_composite_checksums(s3: S3Client, bucket: str, name: Any) -> None:
    pieces = [random.Random(n).randbytes(size) for n, size in enumerate((5 * MB, 7))]
    upload = start(s3, bucket, ChecksumAlgorithm=name)
    parts: Any = [part(s3, upload, n, data, ChecksumAlgorithm=name) for n, data in enumerate(pieces, 1)]
    member = f"Checksum{name}"
    assert parts[0][member] == checksums.compute(name, pieces[0])
    bare: Any = [{"PartNumber": one["PartNumber"], "ETag": one["ETag"]} for one in parts]
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": bare}) == ("InvalidRequest", 400)
    wrong: Any = [parts[0], {**parts[1], member: parts[0][member]}]
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": wrong}) == ("InvalidPart", 400)
    done: Any = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    raw = b"".join(base64.b64decode(checksums.compute(name, data)) for data in pieces)
    assert done[member] == checksums.compute(name, raw) + "-2"
    assert done["ChecksumType"] == "COMPOSITE"
    attributes: Any = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"]
    )
    assert attributes["ETag"] == done["ETag"].strip('"')
    assert attributes["ObjectSize"] == 5 * MB + 7
    assert attributes["StorageClass"] == "STANDARD"
    assert attributes["Checksum"][member] == checksums.compute(name, raw)
    assert [(one["PartNumber"], one["Size"]) for one in attributes["ObjectParts"]["Parts"]] == [(1, 5 * MB), (2, 7)]


@pytest.mark.parametrize("name", ["CRC64NVME", "CRC32"])
def test_full_object_checksums(s3: S3Client, bucket: str, name: Any) -> None:
    pieces = [random.Random(n).randbytes(size) for n, size in enumerate((5 * MB, 7))]
    whole: Any = {f"Checksum{name}": checksums.compute(name, b"".join(pieces))}
    upload = start(s3, bucket, ChecksumAlgorithm=name, ChecksumType="FULL_OBJECT")
    parts: Any = [part(s3, upload, n, data, ChecksumAlgorithm=name) for n, data in enumerate(pieces, 1)]
    wrong: Any = {f"Checksum{name}": checksums.compute(name, b"other")}
    complete: Any = {**upload, "MultipartUpload": {"Parts": parts}}
    assert refused(s3.complete_multipart_upload, **complete, **wrong) == ("BadDigest", 400)
    assert refused(s3.complete_multipart_upload, **complete, ChecksumType="COMPOSITE") == ("InvalidRequest", 400)
    assert refused(s3.complete_multipart_upload, **complete, MpuObjectSize=3) == ("InvalidRequest", 400)
    done: Any = s3.complete_multipart_upload(**complete, **whole, ChecksumType="FULL_OBJECT", MpuObjectSize=5 * MB + 7)
    assert done[f"Checksum{name}"] == whole[f"Checksum{name}"]
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"".join(pieces)
    assert refused(start, s3=s3, bucket=bucket, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT") == (
        "InvalidRequest",
        400,
    )


def test_conditional_completion(s3: S3Client, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"here")
    upload = start(s3, bucket)
    wanted: Any = {"Parts": [part(s3, upload, 1, b"x")]}
    code = refused(s3.complete_multipart_upload, **upload, MultipartUpload=wanted, IfNoneMatch="*")
    assert code == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"here"
    s3.complete_multipart_upload(
        **upload, MultipartUpload=wanted, IfMatch=s3.head_object(Bucket=bucket, Key="k")["ETag"]
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_part_copy(s3: S3Client, bucket: str) -> None:
    data = random.Random(7).randbytes(6 * MB)
    s3.put_object(Bucket=bucket, Key="from", Body=data)
    s3.put_object(Bucket=bucket, Key="tiny", Body=b"0123456789")
    upload = start(s3, bucket)
    first = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource=f"{bucket}/from", CopySourceRange=f"bytes=7-{5 * MB + 6}"
    )
    last = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{bucket}/tiny", CopySourceRange="bytes=3-5")
    for wrong in ("bytes=0-10", "bytes=5-", "0-3"):
        code = refused(s3.upload_part_copy, **upload, PartNumber=3, CopySource=f"{bucket}/tiny", CopySourceRange=wrong)
        assert code == ("InvalidArgument", 400)
    parts: Any = [
        {"PartNumber": number, "ETag": got["CopyPartResult"]["ETag"]} for number, got in ((1, first), (2, last))
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data[7 : 5 * MB + 7] + b"345"


def test_uploads_are_listed_in_order_and_in_pages(s3: S3Client, bucket: str) -> None:
    names = ["a", "b/1", "b/2", "c", "c", "c", "d"]
    made = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in names]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", [])] == made
    got = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in got["CommonPrefixes"]] == ["b/"]
    assert [one["Key"] for one in got["Uploads"]] == ["a", "c", "c", "c", "d"]
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket, Prefix="b/")["Uploads"]] == ["b/1", "b/2"]
    s3.delete_bucket(Bucket=bucket)
    s3.create_bucket(Bucket=bucket)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_the_transfer_manager(s3: S3Client, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "up", tmp_path / "down"
    source.write_bytes(random.Random(20).randbytes(20 * MB + 5))
    config = TransferConfig(multipart_threshold=8 * MB, multipart_chunksize=8 * MB, max_concurrency=6)
    s3.upload_file(str(source), bucket, "big", Config=config, ExtraArgs={"ContentType": "image/x"})
    head = s3.head_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")
    assert head["ETag"].endswith('-3"')
    assert head["ContentType"] == "image/x"
    assert head["ChecksumCRC32"]
    s3.download_file(bucket, "big", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copy", Config=config)
    s3.download_file(bucket, "copy", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()
