"""Whole calls of the real boto3, caught on their way out and put to `authenticate` as the gateway would hand them over."""

from __future__ import annotations

import io
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cumulet.auth.authenticate import authenticate
from cumulet.auth.browser import host_allowed
from cumulet.base.messages import BytesBody, Request

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:thumb"

CALLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("s3", "rest-xml", "list_buckets", {}),
    ("s3", "rest-xml", "create_bucket", {"Bucket": "photos"}),
    ("s3", "rest-xml", "put_object", {"Bucket": "photos", "Key": "a//../b c+ü%.jpg", "Body": b"x" * 100}),
    (
        "s3",
        "rest-xml",
        "put_object",
        {"Bucket": "photos", "Key": "k", "Body": io.BytesIO(b"s"), "Metadata": {"a": "x  y"}},
    ),
    ("s3", "rest-xml", "get_object", {"Bucket": "photos", "Key": "~!'()*&=@:,$;", "Range": "bytes=0-1"}),
    (
        "s3",
        "rest-xml",
        "list_objects_v2",
        {"Bucket": "photos", "Prefix": "a b/ü+", "Delimiter": "/", "StartAfter": "="},
    ),
    ("s3", "rest-xml", "copy_object", {"Bucket": "photos", "Key": "c", "CopySource": {"Bucket": "b", "Key": "ü k"}}),
    ("s3", "rest-xml", "upload_part", {"Bucket": "b-c", "Key": "k", "UploadId": "u+/=", "PartNumber": 1, "Body": b"p"}),
    ("s3", "rest-xml", "delete_objects", {"Bucket": "photos", "Delete": {"Objects": [{"Key": "k"}]}}),
    ("lambda", "rest-json", "invoke", {"FunctionName": FUNCTION, "Qualifier": "$LATEST", "Payload": b"{}"}),
    ("lambda", "rest-json", "get_function", {"FunctionName": "thumb:live"}),
    ("lambda", "rest-json", "tag_resource", {"Resource": FUNCTION, "Tags": {"a": "b"}}),
    ("lambda", "rest-json", "untag_resource", {"Resource": FUNCTION, "TagKeys": ["b", "a c", "a"]}),
    ("logs", "json", "filter_log_events", {"logGroupName": "/aws/lambda/thumb", "filterPattern": '"ü"'}),
    ("dynamodb", "json", "list_tables", {}),
    ("iam", "query", "create_role", {"RoleName": "r", "AssumeRolePolicyDocument": '{"a": "b c+d"}'}),
    ("sts", "query", "get_caller_identity", {}),
]


class Caught(Exception):
    """Carries the prepared request."""


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566", None])
def test_boto3_calls_verify(bench: Any, style: str, endpoint: str | None) -> None:
    config = Config(s3={"addressing_style": style}, retries={"max_attempts": 0})  # type: ignore[arg-type]
    session = boto3.session.Session()

    def catch(request: Any, **_: Any) -> None:
        raise Caught(request)

    for service, protocol, operation, params in CALLS:
        client: Any = session.client(  # type: ignore[call-overload]
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )
        client.meta.events.register("before-send", catch)
        with pytest.raises(Caught) as caught:
            getattr(client, operation)(**params)
        request = as_the_gateway_would(caught.value.args[0])
        assert host_allowed(request.headers["host"])
        got = authenticate(
            bench.shelf, request, service=service, protocol=protocol, now=time.time(), signing_name=service
        )
        assert got.principal.account == "000000000000", operation
        request.path += "x"
        with pytest.raises(Exception, match="signature"):
            authenticate(bench.shelf, request, service=service, protocol=protocol, now=time.time())


def as_the_gateway_would(sent: Any) -> Request:
    """The prepared request with what the connection adds: Host, and header values as latin-1 text."""
    target = sent.url.split("://", 1)[1]
    host, slash, rest = target.partition("/")
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for name, value in sent.headers.items()
    }
    headers.setdefault("host", host)
    body = sent.body
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    return Request(sent.method, "/" + rest if slash else "/", headers, BytesBody(bytes(body or b"")))
