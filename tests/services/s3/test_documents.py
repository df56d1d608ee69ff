"""Documents that arrive as streams are checked as those that arrive whole."""

from __future__ import annotations

import base64
import hashlib
import http.client
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest


def delete_objects(cloud: Any, account: str, bucket: str, body: bytes, md5: str) -> tuple[int, bytes]:
    """A DeleteObjects whose body is waited for by `Expect: 100-continue`, as boto3 does for uploads."""
    url = f"{cloud.endpoint}/{bucket}?delete="
    headers = {"Content-MD5": md5, "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers=headers)
    keys = botocore.credentials.Credentials(account, "test")
    botocore.auth.S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.putrequest("POST", f"/{bucket}?delete=")
    for name, value in {**dict(request.headers), "Content-Length": str(len(body)), "Expect": "100-continue"}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.mark.parametrize("right", [True, False])
def test_content_md5_of_a_streamed_document(cloud: Any, account: str, right: bool) -> None:
    s3 = cloud.client("s3", account=account)
    bucket = f"docs-{account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    body = b"<Delete><Object><Key>a</Key></Object></Delete>"
    md5 = base64.b64encode(hashlib.md5(body if right else b"other").digest()).decode()
    status, content = delete_objects(cloud, account, bucket, body, md5)
    left = s3.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert (status, left) == ((200, 0) if right else (400, 1)), content
    assert right or b"BadDigest" in content
