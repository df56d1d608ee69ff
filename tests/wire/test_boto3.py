"""The wire under unmodified boto3 clients, handlers and retries included: only the socket is cut short."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.awsrequest
import botocore.config
import botocore.exceptions
import pytest

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request
from cumulet.wire import compile as compiler
from cumulet.wire import errors
from cumulet.wire.claim import ClaimError, claim

Answer = Callable[[str, dict[str, Any]], dict[str, Any]]


class Raw(io.BytesIO):
    """What urllib3 would hand over."""

    def stream(self, amount: int = 65536, **_kwargs: Any) -> Any:
        while part := self.read(amount):
            yield part


def serve(prepared: Any, answer: Answer) -> botocore.awsrequest.AWSResponse:
    headers = {
        key.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
        for key, value in prepared.headers.items()
    }
    rest = prepared.url.partition("://")[2]
    host, slash, target = rest.partition("/")
    headers["host"] = host
    body = prepared.body or b""
    body = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body)
    request = Request(prepared.method, slash + target or "/", headers, BytesBody(body))
    try:
        found = claim(request)
        operation = compiler.operation(found.service, found.operation, found.protocol)
        try:
            params = operation.parse(request, found, body)
            operation.check(params)
            response = operation.reply(answer(operation.name, params), "the-request-id")
        except AwsError as err:
            response = operation.fail(err, "the-request-id")
    except ClaimError as err:
        response = errors.fail(err.protocol, err.service, err, "the-request-id")
    out = response.body if isinstance(response.body, bytes) else b""
    received: Any = botocore.awsrequest.HeadersDict(response.headers)
    return botocore.awsrequest.AWSResponse(prepared.url, response.status, received, Raw(out))


def client(service: str, answer: Answer, style: str = "path") -> Any:
    made = boto3.client(
        service,  # type: ignore[call-overload]
        region_name="eu-west-1",
        endpoint_url="http://s3.localhost:4566" if style == "virtual" else "http://127.0.0.1:4566",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": style}),  # type: ignore[arg-type]
    )
    made.meta.events.register("before-send", lambda request, **_: serve(request, answer))
    return made


def refuse(error: AwsError) -> Answer:
    def answer(_name: str, _params: dict[str, Any]) -> dict[str, Any]:
        raise error

    return answer


@pytest.mark.parametrize("style", ["path", "virtual"])
def test_objects(style: str) -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def answer(name: str, params: dict[str, Any]) -> dict[str, Any]:
        seen.append((name, params))
        moment = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
        replies: dict[str, dict[str, Any]] = {
            "PutObject": {"ETag": '"e"'},
            "GetObject": {"Body": b"hello", "ContentLength": 5, "LastModified": moment, "Metadata": {"a": "b"}},
            "ListObjectsV2": {"Contents": [{"Key": "a%20b", "Size": 5, "LastModified": moment}], "EncodingType": "url"},
            "DeleteObjects": {"Deleted": [{"Key": "a b"}]},
            "GetBucketLocation": {"LocationConstraint": "eu-west-1"},
        }
        return replies[name]

    s3 = client("s3", answer, style)
    assert s3.put_object(Bucket="photos", Key="a b/ü+%2F//", Body=b"hello", Metadata={"a": "b"})["ETag"] == '"e"'
    name, params = seen.pop()
    assert (name, params["Bucket"], params["Key"], params["Metadata"]) == (
        "PutObject",
        "photos",
        "a b/ü+%2F//",
        {"a": "b"},
    )
    got = s3.get_object(Bucket="photos", Key="a")
    assert (got["Body"].read(), got["Metadata"], got["LastModified"].year) == (b"hello", {"a": "b"}, 2024)
    assert got["ResponseMetadata"]["RequestId"] == "the-request-id"
    listed = s3.list_objects_v2(Bucket="photos", Prefix="a+b /&")
    assert listed["Contents"][0]["Key"] == "a b"
    assert seen.pop()[1] == {"Bucket": "photos", "Prefix": "a+b /&", "EncodingType": "url"}
    assert s3.delete_objects(Bucket="photos", Delete={"Objects": [{"Key": "a b"}]})["Deleted"] == [{"Key": "a b"}]
    assert seen.pop()[1]["Delete"] == {"Objects": [{"Key": "a b"}]}
    assert s3.get_bucket_location(Bucket="photos")["LocationConstraint"] == "eu-west-1"


def test_s3_errors() -> None:
    missing = AwsError("NoSuchKey", "The specified key does not exist.", members={"Key": "k"})
    s3 = client("s3", refuse(missing))
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket="photos", Key="k")
    assert caught.value.response["Error"] == {
        "Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "k",
    }  # fmt: skip
    with pytest.raises(botocore.exceptions.ClientError, match=r"404.*HeadObject"):
        s3.head_object(Bucket="photos", Key="k")


def test_notification_configuration() -> None:
    seen: list[dict[str, Any]] = []

    def answer(_name: str, params: dict[str, Any]) -> dict[str, Any]:
        seen.append(params)
        return {}

    rule = {"Name": "suffix", "Value": ".jpg"}
    configuration = {
        "LambdaFunctionConfigurations": [
            {
                "Id": "x",
                "LambdaFunctionArn": "arn:f",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [rule]}},
            }
        ]
    }
    s3 = client("s3", answer)
    s3.put_bucket_notification_configuration(Bucket="photos", NotificationConfiguration=configuration)
    assert seen[0]["NotificationConfiguration"] == configuration


def test_lambda() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    def answer(name: str, params: dict[str, Any]) -> dict[str, Any]:
        seen.append((name, params))
        if name == "Invoke":
            return {"StatusCode": 200, "Payload": b'{"a":1}', "FunctionError": "Unhandled"}
        return {"FunctionName": "f", "LastModified": "2024-01-02T03:04:05.000+0000", "Timeout": 3}

    functions = client("lambda", answer)
    code = {"ZipFile": b"PK\x03\x04"}
    made = functions.create_function(
        FunctionName="f", Role="arn:aws:iam::000000000000:role/r", Code=code, Handler="h.h"
    )
    assert (made["Timeout"], seen[0][1]["Code"]) == (3, code)
    invoked = functions.invoke(FunctionName="f", Payload=b'{"x": 1}', LogType="Tail")
    assert (invoked["Payload"].read(), invoked["FunctionError"], invoked["StatusCode"]) == (
        b'{"a":1}',
        "Unhandled",
        200,
    )
    assert seen[1] == ("Invoke", {"FunctionName": "f", "LogType": "Tail", "Payload": b'{"x": 1}'})
    gone = client("lambda", refuse(AwsError("ResourceNotFoundException", "Function not found: f")))
    with pytest.raises(gone.exceptions.ResourceNotFoundException) as caught:
        gone.get_function(FunctionName="f")
    assert caught.value.response["Error"]["Message"] == "Function not found: f"
    assert caught.value.response["Type"] == "User"


def test_iam_sts_and_logs() -> None:
    role = {"RoleName": "r", "Arn": "arn:r", "Path": "/", "RoleId": "AROA", "CreateDate": 1700000000}
    iam = client("iam", lambda name, params: {"Role": role | {"Description": params.get("Description")}})
    made = iam.create_role(RoleName="r", AssumeRolePolicyDocument='{"a": "<&>"}', Description="x & y")["Role"]
    assert (made["Description"], made["CreateDate"].year) == ("x & y", 2023)
    gone = client("iam", refuse(AwsError("NoSuchEntity", "The role with name r cannot be found.")))
    with pytest.raises(gone.exceptions.NoSuchEntityException, match="The role with name r cannot be found"):
        gone.get_role(RoleName="r")
    sts = client("sts", lambda name, params: {"Account": "0", "Arn": "a", "UserId": "u"})
    assert sts.get_caller_identity()["Account"] == "0"
    logs = client("logs", lambda name, params: {"nextToken": params["logGroupName"]})
    with pytest.raises(logs.exceptions.InvalidParameterException, match="1 validation error detected"):
        logs.describe_log_streams(logGroupName="a b")
    assert logs.describe_log_streams(logGroupName="a")["nextToken"] == "a"
