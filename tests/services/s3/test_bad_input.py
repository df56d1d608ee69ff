"""Nonsense gets a clear answer: nothing that a client sends is our fault."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

QUERIES = [
    "partNumber=abc", "partNumber=0", "versionId=", "versionId=zz", "attributes", "uploadId=zz", "uploadId=%00",
    "uploadId=UPLOAD&part-number-marker=-5", "uploadId=UPLOAD&part-number-marker=99999999999999",
    "uploadId=UPLOAD&max-parts=0", "tagging", "uploads", "partNumber=1&uploadId=", "partNumber=99999999999999999999&uploadId=zz",
]  # fmt: skip
LISTINGS = [
    "max-keys=-1", "list-type=2&max-keys=99999999999999999999", "list-type=2&continuation-token=AWFi",
    "list-type=2&continuation-token=Af__", "list-type=2&prefix=%00&delimiter=%00", "list-type=2&prefix=%F4%8F%BF%BF",
    "list-type=2&encoding-type=xx", "uploads&upload-id-marker=zz&key-marker=k", "uploads&max-uploads=0",
    "versions&version-id-marker=x", "delete", "notification", "tagging", "encryption", "publicAccessBlock", "ownershipControls",
]  # fmt: skip
TARGETS = ["/%FF", "/x", "/a%00b/k", "/BUCKET/%FF", "/BUCKET/k%00z", "/?max-buckets=0", "/?continuation-token=zz"]
BODIES = [
    b"",
    b"<x",
    b"<Delete><Object><Key></Key></Object></Delete>",
    b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
    (
        b"<NotificationConfiguration><CloudFunctionConfiguration><CloudFunction>arn:aws:lambda:us-east-1:1:function:f"
        b"</CloudFunction><Event>s3:ObjectCreated:*</Event></CloudFunctionConfiguration></NotificationConfiguration>"
    ),
]
HEADERS = {
    "x-amz-copy-source": ["", "/", "%", "%FF/%FF", "a", "/a/b?versionId=", "arn:aws:s3:::x/y", "a/" + "b" * 5000],
    "x-amz-tagging": ["%", "=", "a", "a=b&", "%FF=%FF", "a" * 5000],
    "Range": ["bytes=9-", "bytes=-0", "x", "bytes=0-0,-1"],
    "If-Modified-Since": ["zz"],
    "Content-MD5": ["", "zz"],
    "x-amz-checksum-crc32": ["", "zz"],
    "x-amz-trailer": ["x-amz-checksum-crc32", "zz"],
    "x-amz-object-lock-retain-until-date": ["zz"],
    "x-amz-meta-": ["x"],
    "Expires": ["soon"],
}
NAMELESS = ["If-Match", "If-None-Match", "x-amz-storage-class", "x-amz-acl", "x-amz-server-side-encryption", "x-amz-checksum-mode",
            "x-amz-checksum-algorithm", "x-amz-metadata-directive", "x-amz-website-redirect-location",
            "x-amz-expected-bucket-owner"]  # fmt: skip


def test_no_query_or_document_is_our_fault(s3: S3Client, bucket: str, send: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    targets = [target.replace("BUCKET", bucket) for target in TARGETS]
    targets += [f"/{bucket}/k?{query.replace('UPLOAD', upload)}" for query in QUERIES]
    targets += [f"/{bucket}?{query}" for query in LISTINGS]
    for target in targets:
        status, _, answer = send("GET", target)
        assert status < 500 or b"<Code>NotImplemented</Code>" in answer, (target, answer)
        for method in ("PUT", "POST"):
            for body in BODIES:
                digest = base64.b64encode(hashlib.md5(body).digest()).decode()
                status, _, answer = send(method, target, body, {"Content-MD5": digest})
                assert status < 500 or b"<Code>NotImplemented</Code>" in answer, (method, target, body, answer)


def test_no_header_is_our_fault(bucket: str, send: Any) -> None:
    cases = [(name, value) for name, values in HEADERS.items() for value in values] + [(name, "") for name in NAMELESS]
    for name, value in cases:
        for method in ("PUT", "GET", "HEAD", "DELETE"):
            status, _, answer = send(method, f"/{bucket}/h", b"x" if method == "PUT" else b"", {name: value})
            assert status < 500 or b"<Code>NotImplemented</Code>" in answer, (method, name, value, answer)
