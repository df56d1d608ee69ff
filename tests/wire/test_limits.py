"""Hostile and broken requests: an AwsError in AWS's words, or parameters, but never anything else."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request
from cumulet.wire import compile as compiler
from cumulet.wire import models, routes, values
from cumulet.wire.claim import Claim, claim

NOWHERE = Claim("", "", "", {}, {}, None)


def parse_json(name: str, value: Any, service: str = "dynamodb") -> Any:
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return compiler.operation(service, name, "json").parse(Request("POST", "/", {}), NOWHERE, body)


def parse_form(text: bytes) -> Any:
    form = {"host": "x", "content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", "/", form, BytesBody(b"Version=2010-05-08&" + text))
    found = claim(request)
    return compiler.operation(found.service, found.operation, "query").parse(request, found, b"")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", ""),
        (b"{", ""),
        (b'{"TableName": "a"', ""),
        (b'{"TableName": "\xff"}', ""),
        (b'{"a":' * 100_000, ""),
        (b'{"Item":{"x":' + b'{"M":{"a":' * 450 + b"{}" + b"}}" * 450 + b"}}", ""),
        (b"[" * 100_000, ""),
        ([], "Start of list found where not expected"),
        ("text", "Unexpected value type in payload"),
        ({"TableName": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"TableName": True}, "TRUE_VALUE can not be converted to a String"),
        ({"TableName": []}, "Start of list found where not expected"),
        ({"TableName": {}}, "Start of structure or map found where not expected."),
        ({"Item": "x"}, "Unexpected value type in payload"),
        ({"Item": {"a": {"NULL": "yes"}}}, "STRING_VALUE can not be converted to a Boolean"),
        ({"Item": {"a": {"B": 1}}}, "only base64-encoded strings are convertible to bytes"),
        ({"Item": {"a": {"B": "%%%"}}}, "Invalid base64 encoding"),
        ({"Item": {"a": {"SS": [None]}}}, "NULL_VALUE can not be converted to a String"),
        ({"Item": {"a": None}}, "Unexpected value type in payload"),
    ],
)
def test_json_of_the_wrong_shape(value: Any, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_json("PutItem", value)
    assert (caught.value.code, caught.value.status, caught.value.message) == ("SerializationException", 400, message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"limit": "5"}, "STRING_VALUE can not be converted to an Integer"),
        ({"limit": False}, "FALSE_VALUE can not be converted to an Integer"),
        ({"limit": 2147483648}, "NUMBER_VALUE can not be converted to an Integer"),
        ({"limit": 1e10}, "DECIMAL_VALUE can not be converted to an Integer"),
        ({"limit": [1]}, "Start of list found where not expected"),
    ],
)
def test_json_integers(value: Any, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_json("DescribeLogGroups", value, "logs")
    assert caught.value.message == message
    assert parse_json("DescribeLogGroups", {"limit": 5.9}, "logs") == {"limit": 5}


def test_json_keeps_what_the_model_knows() -> None:
    assert parse_json("PutItem", {"TableName": "t", "Zzz": 1, "ReturnValues": None}) == {"TableName": "t"}
    assert parse_json("PutItem", {"Item": {"x": {"B": "eA=="}}}) == {"Item": {"x": {"B": b"x"}}}


def test_json_timestamps() -> None:
    update = {"StreamARN": "a", "StartTimestamp": 1700000000.123}
    request = {"StreamName": "s", "ShardId": "0", "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1700000000.123}
    parsed = parse_json("GetShardIterator", request | update, "kinesis")
    assert parsed["Timestamp"] == datetime(2023, 11, 14, 22, 13, 20, 123000, UTC)
    for bad in (1e300, "yesterday", True):
        with pytest.raises(AwsError):
            parse_json("GetShardIterator", request | {"Timestamp": bad}, "kinesis")


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (b"Action=ListUsers&MaxItems=5&Zzz=1", {"MaxItems": 5}),
        (b"Action=TagUser&Tags.member.2.Key=b&Tags.member.1.Key=a", {"Tags": [{"Key": "a"}, {"Key": "b"}]}),
        (b"Action=TagUser&Tags.member.999999999.Key=a", {"Tags": [{"Key": "a"}]}),
        (b"Action=TagUser&Tags=", {"Tags": []}),
        (b"Action=TagUser&Tags.member=", {"Tags": []}),
        (b"Action=TagUser&UserName=a&UserName=b%20c+d", {"UserName": "b c d"}),
        (b"Action=ListUsers&MaxItems.=5", {}),
    ],
)
def test_forms(text: bytes, params: Any) -> None:
    try:
        assert parse_form(text) == params
    except AwsError as err:
        assert (text, err.code) == (b"Action=ListUsers&MaxItems.=5", "MalformedInput")


@pytest.mark.parametrize(
    "text",
    [
        b"Action=ListUsers&MaxItems=five",
        b"Action=ListUsers&MaxItems=",
        b"Action=ListUsers&MaxItems=99999999999999999999999999",
        b"Action=ListUsers&MaxItems.a=5",
        b"Action=TagUser&Tags=x",
        b"Action=TagUser&Tags.member.x.Key=a",
        b"Action=TagUser&Tags.member.99999999999.Key=a",
        b"Action=TagUser&Tags.member.1=x",
        b"Action=TagUser&UserName.a=x",
        b"Action=TagUser&" + b"a." * 100_000 + b"=1",
    ],
)
def test_malformed_forms(text: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse_form(text)
    assert (caught.value.code, caught.value.status) == ("MalformedInput", 400)


def test_a_long_form_costs_its_length() -> None:
    def cost(count: int) -> float:
        text = b"Action=TagUser&" + b"&".join(b"Tags.member.%d.Key=k" % i for i in range(count, 0, -1))
        started = time.process_time()
        assert len(parse_form(text)["Tags"]) == count
        return time.process_time() - started

    cost(100)
    assert min(cost(16_000) for _ in range(3)) < 0.5


def test_rest_json_types() -> None:
    request = Request("GET", "/", {})
    listing = compiler.operation("lambda", "ListFunctions", "rest-json")
    with pytest.raises(AwsError, match="SerializationException"):
        listing.parse(request, NOWHERE._replace(query={"MaxItems": "x"}), b"")
    update = compiler.operation("lambda", "UpdateFunctionConfiguration", "rest-json")
    found = NOWHERE._replace(labels={"FunctionName": "f"})
    with pytest.raises(AwsError) as caught:
        update.parse(request, found, b'{"Timeout": "3"}')
    assert caught.value.message == "STRING_VALUE can not be converted to an Integer"
    assert update.parse(request, found, b"") == {"FunctionName": "f"}


@pytest.mark.parametrize(
    ("text", "items"),
    [("a,b", ["a", "b"]), (" a , b ,", ["a", "b"]), ('"a,b", c', ["a,b", "c"]), ('"a\\"b"', ['a"b'])],
)
def test_lists_in_headers(text: str, items: list[str]) -> None:
    assert values.header_list(text) == items


def test_percent_decoding() -> None:
    assert routes.decode("a%20b%2f%C3%BC%") == "a b/ü%"
    with pytest.raises(ValueError, match="utf-8"):
        routes.decode("%ff")


# ------------------------------------------------------------------------------------------------------------------ fuzz

PARSED = [
    ("s3", "DeleteObjects", "rest-xml"), ("s3", "CompleteMultipartUpload", "rest-xml"), ("s3", "PutBucketAcl", "rest-xml"),
    ("s3", "PutBucketLifecycleConfiguration", "rest-xml"), ("s3", "PutBucketPolicy", "rest-xml"),
    ("lambda", "CreateFunction", "rest-json"), ("logs", "PutLogEvents", "json"), ("dynamodb", "PutItem", "json"),
    ("apigatewayv2", "CreateApi", "rest-json"), ("glue", "CreateJob", "json"),
]  # fmt: skip
LABELS = {"Bucket": "b", "Key": "k"}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
MARKUP = st.lists(
    st.sampled_from(
        [b"<Delete>", b"</Delete>", b"<Object>", b"</Object>", b"<Key>", b"</Key>", b"<Part>", b"</Part>", b"<Rule>", b"&lt;",
         b"</Rule>", b"<LifecycleConfiguration>", b"</LifecycleConfiguration>", b"<PartNumber>", b"</PartNumber>", b"<![CDATA[",
         b"]]>", b"<!--", b"-->", b"<?x?>", b"&#0;", b"&#x41;", b" xmlns='a'", b"\xff", b"x", b"1", b"<Days>", b"</Days>", b"<a:b/>"]
    ), max_size=14,
)  # fmt: skip
TEXT = st.text(st.characters(max_codepoint=255), max_size=40)


def survive(service: str, name: str, protocol: str, body: bytes, headers: dict[str, str] | None = None) -> None:
    operation = compiler.operation(service, name, protocol)
    request = Request("POST", "/", headers or {}, BytesBody(body))
    try:
        operation.check(operation.parse(request, NOWHERE._replace(labels=LABELS), body))
    except AwsError as err:
        assert 400 <= operation.fail(err, "rid").status < 500


@pytest.mark.parametrize(("service", "name", "protocol"), PARSED)
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=60) | JSON.map(orjson.dumps) | MARKUP.map(b"".join))
def test_any_body_is_parsed_or_refused(service: str, name: str, protocol: str, body: bytes) -> None:
    survive(service, name, protocol, body)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_value_of_a_known_member_is_parsed_or_refused(data: st.DataObject) -> None:
    service, name, protocol = data.draw(st.sampled_from([row for row in PARSED if "json" in row[2]]))
    shape = models.load(service).operations[name]["input"]["shape"]
    members = models.load(service).shapes[shape]["members"]
    keys = [member.get("locationName", key) for key, member in members.items()]
    body = data.draw(st.dictionaries(st.sampled_from(sorted(keys)), JSON, max_size=4))
    survive(service, name, protocol, orjson.dumps(body))


@settings(max_examples=150, deadline=None)
@given(headers=st.dictionaries(st.sampled_from(
    ["x-amz-meta-a", "x-amz-copy-source", "if-modified-since", "content-length", "x-amz-object-lock-retain-until-date",
     "x-amz-bypass-governance-retention", "x-amz-object-attributes", "expires", "x-amz-server-side-encryption"]), TEXT))  # fmt: skip
def test_any_header_is_parsed_or_refused(headers: dict[str, str]) -> None:
    for name in ("PutObject", "GetObject", "CopyObject", "DeleteObject", "GetObjectAttributes", "UploadPartCopy"):
        survive("s3", name, "rest-xml", b"", headers)


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "X"]),
    target=st.lists(st.sampled_from(["/", "?", "&", "=", "%", "%2F", "%ff", "+", "..", "acl", "uploads", "a", "Action", "é",
        "service", "operation", "2015-03-31", "functions", "X-Amz-Credential=", "partNumber", "uploadId"]), max_size=9),
    headers=st.dictionaries(st.sampled_from(["host", "authorization", "x-amz-target", "content-type", "x-amz-copy-source"]),
        TEXT | st.sampled_from(["a.s3.localhost", "lambda.localhost", "[::1", "Credential=a/b/us-east-1/lambda/aws4_request",
            "Credential=a/b/c/iam/d", "Credential=a/b/c/x/d", "DynamoDB_20120810.PutItem", "DynamoDB_20120810.", ".", "",
            "application/x-www-form-urlencoded", "Credential=////"])),
    body=st.binary(max_size=30) | st.just(b"Action=ListUsers&Version=2010-05-08"),
)  # fmt: skip
def test_any_head_is_claimed_or_refused(method: str, target: list[str], headers: dict[str, str], body: bytes) -> None:
    request = Request(method, "/" + "".join(target), headers, BytesBody(body))
    try:
        found = claim(request)
    except AwsError as err:
        assert 400 <= (err.status or 0) <= 501
        assert compiler.errors.fail(err.protocol, err.service, err, "rid").status == err.status  # type: ignore[attr-defined]
    else:
        assert found.service
        assert found.operation


@settings(max_examples=100, deadline=None)
@given(text=st.binary(max_size=80))
def test_any_form_is_parsed_or_refused(text: bytes) -> None:
    try:
        parse_form(b"Action=CreateRole&" + text)
    except AwsError as err:
        assert err.status == 400
