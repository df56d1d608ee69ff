"""Requests signed by the real botocore and boto3, and every way in which they are refused."""

from __future__ import annotations

import asyncio
import hashlib
import string
import time
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cumulet.auth import credentials
from cumulet.auth.payload import ChunkVerifier, PayloadVerifier
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request, StreamBody

S3 = "http://127.0.0.1:4566/bucket/a%20key"
JSON = {"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
ROLE = Principal("role", "111122223333", "arn:aws:sts::111122223333:assumed-role/r/s", "AROA:s", "r", "s")
INVALID = "The security token included in the request is invalid."
CASES = [("dynamodb", "json"), ("lambda", "rest-json"), ("iam", "query"), ("s3", "rest-xml")]


def facts(error: AwsError) -> tuple[str, int | None]:
    return error.code, error.status


# Accepted


@pytest.mark.parametrize(("service", "protocol"), CASES)
@pytest.mark.parametrize("expires", [None, 300])
def test_botocore_signatures_verify(bench: Any, service: str, protocol: str, expires: int | None) -> None:
    request = bench.sign("PUT", S3 + "?x=1", b"body" if expires is None else b"", service=service, expires=expires)
    got = bench.ask(request, service, protocol, signing_name=service)
    assert got.principal.arn == f"arn:aws:iam::{bench.account}:root"
    assert got.payload is None
    assert (got.signature.region, got.signature.service) == ("us-east-1", service)


def test_the_default_keys_are_roots_of_their_accounts(bench: Any) -> None:
    got = bench.ask(bench.sign(key="test", secret="test", body=b"{}"))
    assert (got.principal.kind, got.principal.account) == ("root", "000000000000")
    got = bench.ask(bench.sign(key="123456789012", secret="test", token="left over"))
    assert got.principal.account == "123456789012"
    assert facts(bench.refusal(bench.sign(key="test", secret="Test"))) == ("InvalidSignatureException", 400)


def test_unsigned_s3_requests_are_anonymous(bench: Any) -> None:
    assert bench.ask(Request("GET", "/b/k", {"host": "h"}), "s3").principal.kind == "anonymous"
    got = bench.ask(Request("POST", "/", {"host": "h"}), "cognito-idp", "json", unsigned=True)
    assert got.principal.kind == "anonymous"


def url_request(method: str, url: str, headers: dict[str, str] | None = None) -> Request:
    parts = urllib.parse.urlsplit(url)
    return Request(method, f"{parts.path}?{parts.query}", {"host": parts.netloc, **(headers or {})})


@pytest.mark.parametrize("version", ["s3v4", "s3", None])
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("operation", ["get_object", "put_object", "upload_part"])
def test_boto3_presigned_urls(bench: Any, version: str | None, style: str, operation: str) -> None:
    config = Config(signature_version=version, s3={"addressing_style": style})  # type: ignore[arg-type]
    s3 = boto3.client(
        "s3",
        endpoint_url="http://s3.localhost:4566",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    params = {"Bucket": "photos", "Key": "ä b/+c.jpg"}
    if operation == "get_object":
        params["ResponseContentType"] = "text/plain; a=b"
    if operation == "upload_part":
        params |= {"UploadId": "u/1", "PartNumber": 2}  # type: ignore[dict-item]
    url = s3.generate_presigned_url(operation, Params=params, ExpiresIn=60)
    bench.now = time.time()
    method = "GET" if operation == "get_object" else "PUT"
    assert bench.ask(url_request(method, url), "s3").principal.account == "000000000000"
    for bad in (url.replace("photos", "fotos"), url.replace("c.jpg", "d.jpg")):
        assert facts(bench.refusal(url_request(method, bad), "s3")) == ("SignatureDoesNotMatch", 403)
    bench.now += 3600
    assert bench.refusal(url_request(method, url), "s3").message == "Request has expired"


# Refused


@pytest.mark.parametrize(
    ("service", "protocol", "code", "status"),
    [
        ("dynamodb", "json", "UnrecognizedClientException", 400),
        ("lambda", "rest-json", "UnrecognizedClientException", 403),
        ("iam", "query", "InvalidClientTokenId", 403),
        ("s3", "rest-xml", "InvalidAccessKeyId", 403),
    ],
)
def test_unknown_inactive_and_removed_keys(bench: Any, service: str, protocol: str, code: str, status: int) -> None:
    error = bench.refusal(bench.sign(service=service, key="AKIANOBODY0000000000"), service, protocol)
    assert facts(error) == (code, status)
    if service == "s3":
        assert error.members == {"AWSAccessKeyId": "AKIANOBODY0000000000"}
        assert error.message == "The AWS Access Key Id you provided does not exist in our records."
    else:
        assert error.message == INVALID
    key = credentials.permanent(ROLE)
    credentials.store(bench.shelf, key)
    request = bench.sign(service=service, key=key.id, secret=key.secret)
    assert bench.ask(request, service, protocol).principal.name == "r"
    credentials.remove(bench.shelf, key.id)
    assert facts(bench.refusal(request, service, protocol)) == (code, status)
    inactive = credentials.AccessKey(key.id, key.secret, ROLE, status="Inactive")
    credentials.store(bench.shelf, inactive)
    assert facts(bench.refusal(request, service, protocol)) == (code, status)


@pytest.mark.parametrize(
    ("service", "protocol", "code", "status"),
    [
        ("dynamodb", "json", "InvalidSignatureException", 400),
        ("lambda", "rest-json", "InvalidSignatureException", 403),
        ("iam", "query", "SignatureDoesNotMatch", 403),
        ("s3", "rest-xml", "SignatureDoesNotMatch", 403),
    ],
)
def test_wrong_secrets(bench: Any, service: str, protocol: str, code: str, status: int) -> None:
    error = bench.refusal(bench.sign(service=service, secret="wrong"), service, protocol)
    assert facts(error) == (code, status)
    assert error.message.startswith("The request signature we calculated does not match the signature you provided. ")
    if service == "s3":
        assert error.message.endswith("Check your key and signing method.")
        members = error.members
        digest = hashlib.sha256(members["CanonicalRequest"].encode()).hexdigest()
        assert (
            members["StringToSign"]
            == f"AWS4-HMAC-SHA256\n20260101T000000Z\n20260101/us-east-1/s3/aws4_request\n{digest}"
        )
        assert bytes.fromhex(members["CanonicalRequestBytes"]).decode() == members["CanonicalRequest"]
        assert bytes.fromhex(members["StringToSignBytes"]).decode() == members["StringToSign"]
        assert members["AWSAccessKeyId"] == bench.key
        assert len(members["SignatureProvided"]) == 64
    else:
        assert error.message.endswith("Consult the service documentation for details.")


def test_missing_signatures(bench: Any) -> None:
    bare = Request("POST", "/", {"host": "h"})
    error = bench.refusal(bare, "dynamodb", "json")
    assert facts(error) == ("MissingAuthenticationTokenException", 400)
    assert error.message == "Missing Authentication Token"
    assert facts(bench.refusal(bare, "lambda", "rest-json")) == ("MissingAuthenticationTokenException", 403)
    error = bench.refusal(bare, "sts", "query")
    assert facts(error) == ("MissingAuthenticationToken", 403)
    assert error.message == "Request is missing Authentication Token"


def test_skewed_clocks(bench: Any) -> None:
    request = bench.sign(service="s3")
    bench.now += 901
    error = bench.refusal(request, "s3")
    assert facts(error) == ("RequestTimeTooSkewed", 403)
    assert error.message == "The difference between the request time and the current time is too large."
    assert error.members == {
        "RequestTime": "20260101T000000Z",
        "ServerTime": "2026-01-01T00:15:01Z",
        "MaxAllowedSkewMilliseconds": "900000",
    }
    bench.now -= 2 * 901
    assert facts(bench.refusal(request, "s3")) == ("RequestTimeTooSkewed", 403)
    bench.now = 1_767_225_600.0
    request = bench.sign()
    bench.now += 900
    bench.ask(request)
    bench.now += 1
    error = bench.refusal(request)
    assert facts(error) == ("InvalidSignatureException", 400)
    expected = "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T001501Z - 15 min.)"
    assert error.message == expected
    assert facts(bench.refusal(bench_resign(bench, request), "sts", "query")) == ("SignatureDoesNotMatch", 403)
    bench.now -= 1802
    expected = "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z"
    assert bench.refusal(request).message == expected + " (20251231T234459Z + 15 min.)"


def bench_resign(bench: Any, request: Request) -> Request:
    now, bench.now = bench.now, bench.now - 901
    again: Request = bench.sign(service="sts")
    bench.now = now
    return again


def test_presigned_expiry(bench: Any) -> None:
    request = bench.sign(url=S3, service="s3", expires=60)
    bench.now += 60
    bench.ask(request, "s3")
    bench.now += 1
    error = bench.refusal(request, "s3")
    assert facts(error) == ("AccessDenied", 403)
    assert error.message == "Request has expired"
    assert error.members == {
        "X-Amz-Expires": "60",
        "Expires": "2026-01-01T00:01:00Z",
        "ServerTime": "2026-01-01T00:01:01Z",
    }
    bench.now -= 61 + 901
    assert bench.refusal(request, "s3").message == "Request is not valid yet"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("X-Amz-Expires=60", "X-Amz-Expires=604801"), "X-Amz-Expires must be less than a week"),
        (("X-Amz-Expires=60", "X-Amz-Expires=-1"), "X-Amz-Expires must be non-negative"),
        (("X-Amz-Expires=60", "X-Amz-Expires=soon"), "X-Amz-Expires should be a number"),
        (("X-Amz-Expires=60", "X-Amz-Expires=²"), "X-Amz-Expires should be a number"),
        (("X-Amz-Expires=60", "Expires=60"), "Query-string authentication version 4 requires"),
        (("X-Amz-SignedHeaders", "Headers"), "Query-string authentication version 4 requires"),
        (("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), "X-Amz-Algorithm only supports"),
        (("aws4_request", "aws5_request"), "Error parsing the X-Amz-Credential parameter; incorrect terminal"),
        (("%2Faws4_request", ""), "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed"),
        (("X-Amz-Date=20260101T", "X-Amz-Date=20260102T"), "Invalid credential date"),
        (("T000000Z", ""), "X-Amz-Date must be in the ISO8601 Long Format"),
        (("T000000Z", "T990000Z"), "X-Amz-Date must be in the ISO8601 Long Format"),
    ],
)
def test_broken_presigned_urls(bench: Any, change: tuple[str, str], words: str) -> None:
    request = bench.sign(url=S3, service="s3", expires=60)
    error = bench.refusal(Request("GET", request.target.replace(*change), request.headers), "s3")
    assert facts(error) == ("AuthorizationQueryParametersError", 400)
    assert error.message.startswith(words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Credential=", "Cred="), "the authorization header requires three components"),
        (("Signature=", "Sig="), "the authorization header requires three components"),
        (("SignedHeaders=host", "host"), 'the authorization component "host'),
        (("/aws4_request", ""), 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4'),
        (("aws4_request", "aws3_request"), 'incorrect terminal "aws3_request". This endpoint uses "aws4_request".'),
        (("/20260101/", "/20260102/"), 'Invalid credential date "20260102". This date is not the same as X-Amz-Date'),
    ],
)
def test_malformed_headers(bench: Any, change: tuple[str, str], words: str) -> None:
    request = bench.sign(service="s3")
    request.headers["authorization"] = request.headers["authorization"].replace(*change)
    error = bench.refusal(request, "s3")
    assert facts(error) == ("AuthorizationHeaderMalformed", 400)
    assert error.message.startswith("The authorization header is malformed; " + words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("Credential=", "Cred="), "Authorization header requires 'Credential' parameter. (Hashed with SHA-256"),
        (("Signature=", "Sig="), "Authorization header requires 'Signature' parameter."),
        (("Credential=", "Credential= "), None),
        (("SignedHeaders=", ""), "Invalid key=value pair (missing equal-sign) in Authorization header."),
        (("/aws4_request", ""), "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/"),
        (("aws4_request", "aws3_request"), "Credential should be scoped with a valid terminator: 'aws4_request', not"),
        (("host;", "host;x-not-there;"), "'x-not-there' is named as a SignedHeader, but it does not exist in the"),
    ],
)
@pytest.mark.parametrize(("protocol", "status"), [("json", 400), ("query", 400), ("rest-json", 403)])
def test_incomplete_signatures(
    bench: Any, change: tuple[str, str], words: str | None, protocol: str, status: int
) -> None:
    request = bench.sign()
    request.headers["authorization"] = request.headers["authorization"].replace(*change)
    if words is None:
        bench.ask(request, "dynamodb", protocol)
        return
    error = bench.refusal(request, "dynamodb", protocol)
    code = "IncompleteSignature" if protocol == "query" else "IncompleteSignatureException"
    assert facts(error) == (code, status)
    assert error.message.startswith(words)
    assert bench.key not in error.message or words.startswith("Credential must")


@pytest.mark.parametrize(
    "form",
    [
        "AWS4-HMAC-SHA256 Credential={0},SignedHeaders={1},Signature={2}",
        "AWS4-HMAC-SHA256 SignedHeaders={1}, Signature={2}, Credential={0}",
        "AWS4-HMAC-SHA256 Signature={2},  Credential={0} , SignedHeaders={1}",
    ],
)
def test_the_parts_of_the_header_may_stand_in_any_order(bench: Any, form: str) -> None:
    request = bench.sign()
    parts = [part.partition("=")[2] for part in request.headers["authorization"].split(", ")]
    request.headers["authorization"] = form.format(*parts)
    assert bench.ask(request).principal.account == bench.account


def test_a_missing_date(bench: Any) -> None:
    request = bench.sign(service="s3")
    del request.headers["x-amz-date"]
    error = bench.refusal(request, "s3")
    assert (facts(error), error.message) == (
        ("AccessDenied", 403),
        "AWS authentication requires a valid Date or x-amz-date header",
    )
    request = bench.sign()
    request.headers["x-amz-date"] = "yesterday"
    assert "existence of either a 'X-Amz-Date' or a 'Date' header" in bench.refusal(request).message


def test_the_date_header_stands_in_for_x_amz_date(bench: Any) -> None:
    request = bench.sign(headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    assert "x-amz-date" not in request.headers
    assert bench.ask(request).principal.account == bench.account


def test_other_mechanisms_are_refused_clearly(bench: Any) -> None:
    request = bench.sign(service="s3")
    for scheme in ("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA512"):
        other = {
            **request.headers,
            "authorization": request.headers["authorization"].replace("AWS4-HMAC-SHA256", scheme),
        }
        error = bench.refusal(Request("GET", "/", other), "s3")
        assert facts(error) == ("InvalidRequest", 400)
        assert error.message.endswith("Please use AWS4-HMAC-SHA256.")
        assert facts(bench.refusal(Request("GET", "/", other))) == ("IncompleteSignatureException", 400)
    error = bench.refusal(Request("GET", "/", {"authorization": "AWS AKIA:sig="}), "s3")
    assert facts(error) == ("InvalidRequest", 400)
    error = bench.refusal(Request("GET", "/", {"authorization": "Bearer x"}), "s3")
    assert (facts(error), error.message) == (("InvalidArgument", 400), "Unsupported Authorization Type")
    assert error.members == {"ArgumentName": "Authorization", "ArgumentValue": "Bearer"}
    both = bench.sign(url=S3, service="s3", expires=60)
    both.headers["authorization"] = request.headers["authorization"]
    error = bench.refusal(both, "s3")
    assert facts(error) == ("InvalidArgument", 400)
    assert error.message.startswith("Only one auth mechanism allowed")


def test_headers_that_must_be_signed(bench: Any) -> None:
    for request in (bench.sign(url=S3, service="s3", expires=60), bench.sign(url=S3, service="s3")):
        request.headers["x-amz-acl"] = "public-read"
        error = bench.refusal(request, "s3")
        assert facts(error) == ("AccessDenied", 403)
        assert error.message == "There were headers present in the request which were not signed"
        assert error.members == {"HeadersNotSigned": "x-amz-acl"}
    request = bench.sign()
    request.headers["authorization"] = request.headers["authorization"].replace("=host;", "=")
    error = bench.refusal(request)
    assert facts(error) == ("InvalidSignatureException", 400)
    assert error.message == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_the_scope_must_name_the_service_asked(bench: Any) -> None:
    error = bench.refusal(bench.sign(service="s3"), "s3", signing_name="s3-other")
    assert facts(error) == ("AuthorizationHeaderMalformed", 400)
    assert error.message.endswith('incorrect service "s3". This endpoint belongs to "s3-other".')
    error = bench.refusal(bench.sign(service="ec2"), "iam", "query", signing_name="iam")
    assert facts(error) == ("SignatureDoesNotMatch", 403)
    assert error.message == "Credential should be scoped to correct service: 'iam'. "


# Temporary credentials


@pytest.mark.parametrize(
    ("service", "protocol", "missing", "wrong", "expired"),
    [
        (
            "dynamodb",
            "json",
            ("UnrecognizedClientException", 400),
            ("UnrecognizedClientException", 400),
            ("ExpiredTokenException", 400),
        ),
        (
            "lambda",
            "rest-json",
            ("UnrecognizedClientException", 403),
            ("UnrecognizedClientException", 403),
            ("ExpiredTokenException", 403),
        ),
        ("sts", "query", ("InvalidClientTokenId", 403), ("InvalidClientTokenId", 403), ("ExpiredToken", 403)),
        ("s3", "rest-xml", ("InvalidAccessKeyId", 403), ("InvalidToken", 400), ("ExpiredToken", 400)),
    ],
)
@pytest.mark.parametrize("expires", [None, 3600])
def test_session_tokens(
    bench: Any, service: str, protocol: str, missing: Any, wrong: Any, expired: Any, expires: int | None
) -> None:
    key = credentials.temporary(ROLE, bench.now, 900)
    credentials.store(bench.shelf, key)

    def sign(token: str | None) -> Request:
        request: Request = bench.sign(
            url=S3, service=service, key=key.id, secret=key.secret, token=token, expires=expires
        )
        return request

    good = sign(key.token)
    assert bench.ask(good, service, protocol).principal.arn == ROLE.arn
    assert facts(bench.refusal(sign(None), service, protocol)) == missing
    assert facts(bench.refusal(sign("FwoGZXIvYXdz"), service, protocol)) == wrong
    bench.now += 899
    assert bench.ask(good, service, protocol).principal.session == "s"
    bench.now += 1
    error = bench.refusal(good, service, protocol)
    assert facts(error) == expired
    if service == "s3":
        assert error.members == {"Token-0": key.token}


def test_a_token_beside_a_long_term_key_is_refused(bench: Any) -> None:
    assert facts(bench.refusal(bench.sign(service="s3", token="x"), "s3")) == ("InvalidToken", 400)
    assert facts(bench.refusal(bench.sign(token="x"))) == ("UnrecognizedClientException", 400)


# Any credentials


def test_any_credentials(bench: Any) -> None:
    for key, account in (("whoever", "000000000000"), ("test", "000000000000"), ("210987654321", "210987654321")):
        got = bench.ask(bench.sign(key=key, secret="anything"), any_credentials=True)
        assert (got.principal.kind, got.principal.account) == ("root", account)
        got = bench.ask(bench.sign(url=S3, key=key, secret="?", service="s3", expires=9), "s3", any_credentials=True)
        assert got.principal.account == account
    error = bench.refusal(bench.sign(secret="wrong"), any_credentials=True)
    assert error.code == "InvalidSignatureException"
    assert bench.refusal(Request("POST", "/", {}), any_credentials=True).code == "MissingAuthenticationTokenException"
    request = bench.sign("PUT", S3, b"one", service="s3", key="whoever")
    request.body = BytesBody(b"two")
    assert bench.refusal(request, "s3", any_credentials=True).code == "XAmzContentSHA256Mismatch"


# Bodies


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_s3_body_digests(bench: Any) -> None:
    request = bench.sign("PUT", S3, b"the body", service="s3")
    request.body = BytesBody(b"the bodY")
    error = bench.refusal(request, "s3")
    assert facts(error) == ("XAmzContentSHA256Mismatch", 400)
    assert error.message == "The provided 'x-amz-content-sha256' header does not match what was computed."
    assert error.members == {
        "ClientComputedContentSHA256": hashlib.sha256(b"the body").hexdigest(),
        "S3ComputedContentSHA256": hashlib.sha256(b"the bodY").hexdigest(),
    }
    request.body = StreamBody(pieces(), 8)
    verifier = bench.ask(request, "s3").payload
    assert isinstance(verifier, PayloadVerifier)
    verifier.feed(b"the ")
    verifier.feed(b"body")
    verifier.finish()
    verifier.feed(b"!")
    with pytest.raises(AwsError, match="XAmzContentSHA256Mismatch"):
        verifier.finish()


@pytest.mark.parametrize("content", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_unsigned_payloads(bench: Any, content: str) -> None:
    request = bench.sign("PUT", S3, b"x", service="s3", content=content)
    request.body = BytesBody(b"whatever")
    assert bench.ask(request, "s3").payload is None


def test_signed_chunks_get_a_verifier(bench: Any) -> None:
    for content in ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"):
        request = bench.sign("PUT", S3, b"x", service="s3", content=content)
        assert isinstance(bench.ask(request, "s3").payload, ChunkVerifier)


def test_a_missing_or_senseless_digest_header(bench: Any) -> None:
    request = bench.sign(url=S3, service="s3")
    del request.headers["x-amz-content-sha256"]
    error = bench.refusal(request, "s3")
    assert facts(error) == ("InvalidRequest", 400)
    assert error.message == "Missing required header for this request: x-amz-content-sha256"
    for value in ("abc", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "E3" * 32):
        request.headers["x-amz-content-sha256"] = value
        error = bench.refusal(request, "s3")
        assert facts(error) == ("InvalidArgument", 400)
        assert error.members == {"ArgumentName": "x-amz-content-sha256", "ArgumentValue": value}


def test_a_streaming_body_of_another_service_is_judged_at_its_end(bench: Any) -> None:
    async def run() -> None:
        request = bench.sign("POST", body=b"a large zip", headers=JSON, service="lambda")
        for parts, good in (((b"a large", b" zip"), True), ((b"a large", b" zap"), False)):
            request.body = StreamBody(pieces(*parts))
            verifier = bench.ask(request, "lambda", "rest-json").payload
            async for part in request.body:
                verifier.feed(part)
            if good:
                verifier.finish()
            else:
                with pytest.raises(AwsError, match="InvalidSignatureException"):
                    verifier.finish()

    asyncio.run(run())


def test_a_changed_body_of_another_service(bench: Any) -> None:
    request = bench.sign("POST", body=b"{}", headers=JSON)
    request.headers["x-amz-content-sha256"] = hashlib.sha256(b"{}").hexdigest()
    request.body = BytesBody(b"{ }")
    assert bench.refusal(request).code == "InvalidSignatureException"


# Random requests

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
NAMES = st.text(string.ascii_letters + string.digits + "-_.~", min_size=1, max_size=8).filter(
    lambda name: not name.startswith("X-Amz")
)
VALUES = st.text(string.ascii_letters + string.digits + " -_=/;,", max_size=20)
RANDOM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@RANDOM
@given(
    data=st.data(),
    path=st.lists(TEXT, max_size=4),
    query=st.lists(st.tuples(NAMES, TEXT), max_size=4),
    headers=st.dictionaries(NAMES, VALUES, max_size=3),
    body=st.binary(max_size=40),
    case=st.sampled_from(CASES),
    presign=st.booleans(),
)
def test_whatever_botocore_signs_verifies_and_any_change_fails(
    bench: Any, data: Any, path: Any, query: Any, headers: Any, body: bytes, case: Any, presign: bool
) -> None:
    service, protocol = case
    # S3 keeps what other services normalise away, so only it gets paths in which normal form matters.
    segments = path if service == "s3" else [part for part in path if part not in ("", ".", "..")]
    url = "http://127.0.0.1:4566/" + "/".join(urllib.parse.quote(part, safe="") for part in segments)
    if query:
        url += "?" + "&".join(f"{name}={urllib.parse.quote(value, safe='')}" for name, value in query)
    named = {f"my-{name.lower()}": value for name, value in headers.items()}
    body = b"" if presign else body
    request = bench.sign("PUT", url, body, named, service=service, expires=60 if presign else None)
    assert bench.ask(request, service, protocol).principal.account == bench.account

    kinds = ["method", "path", "host", "query", "key", *(["signature", "region", "body"] if not presign else [])]
    kind = data.draw(st.sampled_from([*kinds, *named]))
    other = Request(request.method, request.target, dict(request.headers), request.body)
    if kind == "method":
        other.method = "POST"
    elif kind == "path":
        other.path += "/x"
    elif kind == "query":
        other.query += "&zz=1"
    elif kind == "host":
        other.headers["host"] = "127.0.0.1:4567"
    elif kind == "key":
        credentials.store(bench.shelf, credentials.AccessKey("A" * 20, "other", ROLE))
        other.query = other.query.replace(bench.key, "A" * 20)
        if not presign:
            other.headers["authorization"] = other.headers["authorization"].replace(bench.key, "A" * 20)
    elif kind == "signature":
        last = other.headers["authorization"][-1]
        other.headers["authorization"] = other.headers["authorization"][:-1] + ("0" if last != "0" else "1")
    elif kind == "region":
        other.headers["authorization"] = other.headers["authorization"].replace("us-east-1", "us-east-2")
    elif kind == "body":
        other.body = BytesBody(body + b"x")
    else:
        other.headers[kind] += "x"
    code = bench.refusal(other, service, protocol).code
    assert code in ("SignatureDoesNotMatch", "InvalidSignatureException", "XAmzContentSHA256Mismatch")


PIECES = st.sampled_from(
    [
        "AWS4-HMAC-SHA256",
        "AWS4-ECDSA-P256-SHA256",
        " ",
        ",",
        "=",
        ";",
        "/",
        "Credential=",
        "SignedHeaders=",
        "Signature=",
        "test/20260101/us-east-1/s3/aws4_request",
        "host;x-amz-date;x-amz-content-sha256",
        "0" * 64,
        "20260101",
        "\udcff",
        "ÿ",
        "ሴ",
        "\x00",
        "%2F",
        "%",
        "²" * 8,
    ]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=12).map("".join),
    date=st.one_of(st.just("20260101T000000Z"), st.text(max_size=20)),
    content=st.one_of(st.just("UNSIGNED-PAYLOAD"), st.text(max_size=20)),
    case=st.sampled_from(CASES),
    by_query=st.booleans(),
    anyone=st.booleans(),
)
def test_fuzzed_headers_raise_aws_errors_only(
    bench: Any, header: str, date: str, content: str, case: Any, by_query: bool, anyone: bool
) -> None:
    headers = {"host": "h", "date": date, "x-amz-content-sha256": content, "x-amz-security-token": content}
    query = ""
    if by_query:
        names = ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")
        query = "?" + "&".join(f"X-Amz-{name}={header[i * 3 :]}" for i, name in enumerate(names))
    else:
        headers |= {"authorization": header, "x-amz-date": date}
    try:
        bench.ask(Request("GET", "/" + query, headers), *case, any_credentials=anyone)
    except AwsError as error:
        assert error.code
        assert error.status in (400, 403)
