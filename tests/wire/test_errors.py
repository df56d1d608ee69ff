"""Errors, as botocore reads them and as AWS prints them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from zlib import crc32

import orjson
import pytest

from cumulet.base.errors import AwsError
from cumulet.wire import compile as compiler
from cumulet.wire import errors, models
from cumulet.wire.catalog import CATALOG

BUILT = ("json", "query", "rest-json", "rest-xml")


def headers_of(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


def body_of(response: Any) -> Any:
    return orjson.loads(response.body)


@pytest.mark.parametrize("service", sorted(CATALOG))
def test_every_modelled_error_arrives_as_it_was_raised(wire: Any, service: str) -> None:
    protocol = next((one for one in CATALOG[service].protocols if one in BUILT), None)
    if protocol is None:
        pytest.skip("no protocol of this service is built yet")
    client = wire.client(service, protocol)
    known = models.load(service).shapes
    seen = set()
    for operation in client.model.operation_names:
        for shape in client.model.operation_model(operation).error_shapes:
            if shape.name in seen:
                continue
            seen.add(shape.name)
            code = shape.metadata.get("error", {}).get("code", shape.name)
            raw = known[shape.name]
            status = raw.get("error", {}).get("httpStatusCode") or (
                500 if raw.get("fault") or shape.name == "InternalServerError" else 400
            )
            twins = {name for name, other in known.items() if other.get("error", {}).get("code") == code}
            for raised in (code, shape.name):
                response = errors.fail(protocol, service, AwsError(raised, "Why <it> failed & how"), "rid-1")
                parsed = client.error(operation, response)
                assert response.status == status, shape.name
                wire_code = parsed["Error"].get("QueryErrorCode", parsed["Error"]["Code"])
                assert wire_code in twins | {code, shape.name}
                assert parsed["Error"]["Message"] == "Why <it> failed & how"
                assert parsed["ResponseMetadata"]["RequestId"] == "rid-1"


def test_json(wire: Any) -> None:
    error = AwsError("ResourceNotFoundException", "The specified log group does not exist.")
    response = errors.fail("json", "logs", error, "rid")
    assert response.status == 400
    assert response.body == (
        b'{"__type":"ResourceNotFoundException","message":"The specified log group does not exist."}'
    )
    assert headers_of(response) == {"x-amzn-requestid": "rid", "content-type": "application/x-amz-json-1.1"}


def test_json_members_and_headers() -> None:
    error = AwsError(
        "InvalidSequenceTokenException", "m", members={"expectedSequenceToken": "7"}, headers={"X-A": "b\r\nc"}
    )
    response = errors.fail("json", "logs", error, "rid")
    assert body_of(response) == {
        "__type": "InvalidSequenceTokenException", "message": "m", "expectedSequenceToken": "7",
    }  # fmt: skip
    assert headers_of(response)["x-a"] == "b c"


def test_dynamodb_prefixes_and_checksum() -> None:
    response = errors.fail("json", "dynamodb", AwsError("ResourceNotFoundException", "m"), "rid")
    assert body_of(response)["__type"] == "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
    assert headers_of(response)["x-amz-crc32"] == str(crc32(response.body))  # type: ignore[arg-type]
    coral = errors.fail("json", "dynamodb", AwsError("ValidationException", "m"), "rid")
    assert body_of(coral)["__type"] == "com.amazon.coral.validate#ValidationException"
    unknown = errors.fail("json", "dynamodb", errors.unknown_operation("dynamodb", "json", "X"), "rid")
    assert unknown.body == b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'


def test_query_compatible_json() -> None:
    response = errors.fail("json", "sqs", AwsError("QueueDoesNotExist", "m"), "rid")
    assert headers_of(response)["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert body_of(response)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    watch = errors.fail("json", "cloudwatch", AwsError("ResourceNotFoundException", "m"), "rid")
    assert headers_of(watch)["x-amzn-query-error"] == "ResourceNotFoundException;Sender"


def test_rest_json_in_lambdas_words() -> None:
    missing = AwsError("ResourceNotFoundException", "Function not found: arn:x")
    response = errors.fail("rest-json", "lambda", missing, "rid")
    assert response.status == 404
    assert body_of(response) == {"Type": "User", "Message": "Function not found: arn:x"}
    assert headers_of(response)["x-amzn-errortype"] == "ResourceNotFoundException"
    conflict = errors.fail("rest-json", "lambda", AwsError("ResourceConflictException", "m"), "rid")
    assert (conflict.status, body_of(conflict)) == (409, {"Type": "User", "message": "m"})
    fault = errors.fail("rest-json", "lambda", AwsError("ServiceException", "m"), "rid")
    assert (fault.status, body_of(fault)) == (500, {"Type": "Service", "Message": "m"})
    members = {"Reason": "CallerRateLimitExceeded", "retryAfterSeconds": "3"}
    throttled = errors.fail("rest-json", "lambda", AwsError("TooManyRequestsException", "m", members=members), "rid")
    assert headers_of(throttled)["retry-after"] == "3"
    assert body_of(throttled) == {"Type": "User", "message": "m", "Reason": "CallerRateLimitExceeded"}


def test_rest_json_renames() -> None:
    response = errors.fail(
        "rest-json", "apigatewayv2", AwsError("NotFoundException", "m", members={"ResourceType": "x"}), "r"
    )
    assert (response.status, body_of(response)) == (404, {"message": "m", "resourceType": "x"})


def test_query() -> None:
    error = AwsError("NoSuchEntity", "The role with name x cannot be found.")
    response = errors.fail("query", "iam", error, "rid")
    assert response.status == 404
    assert response.body == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>The role with name x cannot be found.</Message></Error>"
        b"<RequestId>rid</RequestId></ErrorResponse>"
    )
    by_shape = errors.fail("query", "iam", AwsError("NoSuchEntityException", "m"), "rid")
    assert b"<Code>NoSuchEntity</Code>" in by_shape.body  # type: ignore[operator]
    broken = errors.fail("query", "iam", AwsError("InternalFailure", "m"), "rid")
    assert broken.status == 500
    assert b"<Type>Receiver</Type>" in broken.body  # type: ignore[operator]


def test_s3() -> None:
    error = AwsError("NoSuchKey", "The specified key does not exist.", members={"Key": "a<b\x01", "Size": 3})
    response = errors.fail("rest-xml", "s3", error, "4442587FB7D0A2F9")
    assert response.status == 404
    text = response.body.decode()  # type: ignore[union-attr]
    assert text.startswith(
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        "<Message>The specified key does not exist.</Message><Key>a&lt;b&#x1;</Key><Size>3</Size>"
        "<RequestId>4442587FB7D0A2F9</RequestId><HostId>"
    )
    assert headers_of(response)["x-amz-request-id"] == "4442587FB7D0A2F9"
    assert headers_of(response)["x-amz-id-2"] == errors.HOST_ID
    clean = errors.fail("rest-xml", "s3", AwsError("BucketNotEmpty", "m"), "rid")
    assert clean.status == 409
    assert ElementTree.fromstring(clean.body).findtext("HostId") == errors.HOST_ID  # type: ignore[arg-type]


def test_s3_head_and_not_modified_have_no_body() -> None:
    head = compiler.operation("s3", "HeadObject", "rest-xml").fail(AwsError("NoSuchKey", "m"), "rid")
    assert (head.status, head.body) == (404, b"")
    same = AwsError("NotModified", headers={"ETag": '"x"'})
    response = errors.fail("rest-xml", "s3", same, "rid")
    assert (response.status, response.body, headers_of(response)["etag"]) == (304, b"", '"x"')


def test_protocols_that_only_speak_errors(wire: Any) -> None:
    cbor = errors.fail("smithy-rpc-v2-cbor", "cloudwatch", AwsError("UnknownOperationException", "Why", 404), "rid")
    parsed = wire.client("cloudwatch", "smithy-rpc-v2-cbor").error("PutMetricData", cbor)
    assert (parsed["Error"]["Message"], cbor.status) == ("Why", 404)
    ec2 = errors.fail("ec2", "ec2", errors.unknown_operation("ec2", "ec2", "Nothing"), "rid")
    error = wire.client("ec2", "ec2").error("DescribeInstances", ec2)["Error"]
    assert (error["Code"], error["Message"]) == (
        "InvalidAction",
        "The action Nothing is not valid for this web service.",
    )


def test_an_unknown_service_still_gets_an_answer() -> None:
    for protocol in ("json", "query", "rest-json", "rest-xml", "ec2", "smithy-rpc-v2-cbor"):
        response = errors.fail(protocol, "", AwsError("UnknownOperationException", "m", 501), "rid")
        assert response.status == 501
        assert b"UnknownOperationException" in response.body + str(response.headers).encode()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("service", "name", "protocol", "code"),
    [
        ("s3", "PostObject", "rest-xml", "MethodNotAllowed"),
        ("s3", "Options", "rest-xml", "MethodNotAllowed"),
        ("iam", "Nothing", "query", "InvalidAction"),
        ("logs", "Nothing", "json", "UnknownOperationException"),
        ("nothing", "Nothing", "json", "UnknownOperationException"),
        ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor", "UnknownOperationException"),
        ("ec2", "DescribeInstances", "ec2", "InvalidAction"),
    ],
)
def test_operations_that_cannot_be_compiled_say_so(service: str, name: str, protocol: str, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        compiler.operation(service, name, protocol)
    assert caught.value.code == code
