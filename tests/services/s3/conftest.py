"""Fixtures of S3's tests: a client, a bucket of the test's own, raw requests."""

from __future__ import annotations

import http.client
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


@pytest.fixture(scope="session")
def account() -> str:
    """One account for all of S3's tests: each test has buckets of its own, and a client takes long to make."""
    return "730000000000"


@pytest.fixture(scope="session")
def s3(cloud: Any, account: str) -> S3Client:
    """A client of that account."""
    client: S3Client = cloud.client("s3", account=account)
    return client


@pytest.fixture
def bucket(s3: S3Client) -> str:
    """A bucket of the test's own."""
    name = f"test-{uuid.uuid4().hex[:20]}"
    s3.create_bucket(Bucket=name)
    return name


Send = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture
def send(cloud: Any, account: str) -> Send:
    """`send(method, target, body, headers)` signs a request by hand and returns (status, headers, body)."""

    def run(
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        payload: str = "UNSIGNED-PAYLOAD",
        signed: bool = True,
    ) -> tuple[int, dict[str, str], bytes]:
        host = cloud.endpoint.removeprefix("http://")
        request = AWSRequest(method, cloud.endpoint + target, headers={**(headers or {}), "Host": host})
        request.headers["X-Amz-Content-SHA256"] = payload
        if signed:
            signer = _S3Auth(Credentials(account, "test"), "s3", "us-east-1")
            signer.add_auth(request)
        connection = http.client.HTTPConnection(host, timeout=20)
        try:
            connection.request(
                method, target, body=body, headers={name: value.encode() for name, value in request.headers.items()}
            )
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    return run


class _S3Auth(SigV4Auth):
    """SigV4 as S3 wants it: the path as it is, the payload as the header says."""

    def _normalize_url_path(self, path: str) -> str:
        return path

    def payload(self, request: Any) -> str:
        return str(request.headers["X-Amz-Content-SHA256"])
