"""Documents that are wrong, hostile or too large, for every protocol: a clear AWS error with a request id, never a hang or a trace."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import pytest

JSON = {"Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CBOR = {"Content-Type": "application/cbor", "Smithy-Protocol": "rpc-v2-cbor"}
DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000


def target(name: str) -> dict[str, str]:
    return {**JSON, "X-Amz-Target": name}


def refused(reply: Any, status: int, code: str) -> None:
    """Check an answer's status, code (wherever its protocol puts it) and request id."""
    assert reply.status == status, reply.text
    text = reply.body.decode("latin-1")
    found = re.search(r'"__type":"(?:[^"#]*#)?(\w+)"|<Code>(\w+)</Code>', text)
    named = reply.headers.get("x-amzn-errortype") or (found[1] or found[2] if found else text)
    assert code in named
    assert reply.request_id
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        DEEP,
        b'{"logGroupName":"a","tags":' + DEEP + b"}",
        b"[" * 500_000,
        b"",
        b"\xff\xfe{",
        b"{",
        b'{"logGroupName":NaN}',
        b'{"logGroupName":"\\ud800"}',
        b'{"logGroupName":["a"]}',
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_json(sender: Any, body: bytes) -> None:
    refused(
        sender.send("logs", "POST", "/", target("Logs_20140328.CreateLogGroup"), body), 400, "SerializationException"
    )


def test_rest_json(sender: Any) -> None:
    for body in (DEEP, b"{", b"[]", b"\xff"):
        reply = sender.send("lambda", "POST", "/2015-03-31/functions", {"Content-Type": "application/json"}, body)
        refused(reply, 400, "SerializationException" if body != b"[]" else "")
    reply = sender.send("lambda", "POST", "/2015-03-31/functions", {}, b'{"Code":{"ZipFile":"!!!"}}')
    assert reply.status == 400


ENTITIES = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(10))


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE x ["
        + ENTITIES
        + b"]><Tagging><TagSet><Tag><Key>&l9;</Key><Value>v</Value></Tag></TagSet></Tagging>",
        b"""<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>
        <Tagging><TagSet><Tag><Key>&e;</Key><Value>v</Value></Tag></TagSet></Tagging>""",
        b"<!DOCTYPE x><Tagging><TagSet/></Tagging>",
        b"<a>" * 10_000 + b"</a>" * 10_000,
        b"<Tagging>" + b"<TagSet>" * 10_000,
        b"<Tagging><TagSet>",
        b"<Tagging/><Tagging/>",
        b"\x00\x01",
        b"{}",
        b'<?xml version="1.0" encoding="nope"?><Tagging/>',
        b"<Tagging><TagSet><Tag><Key>&#0;</Key><Value>v</Value></Tag></TagSet></Tagging>",
        b"<" + b"a" * 900_000 + b"/>",
        b"<Nope/>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_xml(sender: Any, body: bytes) -> None:
    sender.send("s3", "PUT", f"/xml-{sender.account}")
    digest = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    reply = sender.send("s3", "PUT", f"/xml-{sender.account}?tagging", digest, body)
    refused(reply, 400, "MalformedXML")
    assert b"root:" not in reply.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=CreateUser&Version=2010-05-08&UserName=%zz", "ValidationError"),
        (b"Action=CreateUser&Version=2010-05-08&UserName=%ff", "MalformedQueryString"),
        (b"Action=CreateUser&Version=2010-05-08" + b"&a=b" * 300_000, "MalformedQueryString"),
        (b"Action=CreateUser&Version=2010-05-08&UserName=" + b"%41" * 100_000, "ValidationError"),
        (b"Action=CreatePolicy&Version=2010-05-08&PolicyName=p&PolicyDocument=" + DEEP, "MalformedPolicyDocument"),
        (b"", "MissingAction"),
        (b"Version=2010-05-08", "MissingAction"),
    ],
    ids=lambda value: repr(value[:60]),
)
def test_forms(sender: Any, body: bytes, code: str) -> None:
    refused(sender.send("iam", "POST", "/", FORM, body), 400, code)
    # The same, read while it arrives.
    sock = sender.connect()
    head = sender.headers("iam", "POST", "/", FORM, body) | {"Transfer-Encoding": "chunked"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    sock.sendall(f"POST / HTTP/1.1\r\n{lines}\r\n".encode())
    sock.sendall((b"%x\r\n%s\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n")
    refused(sender.end(sock, "POST"), 400, code)


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "status", "code"),
    [
        # Unknown operations, in the words of each protocol.
        ("logs", "POST", "/", target("Logs_20140328.Nope"), b"{}", 400, "UnknownOperationException"),
        ("iam", "POST", "/", FORM, b"Action=Nope&Version=2010-05-08", 400, "InvalidAction"),
        ("iam", "POST", "/", FORM, b"Action=ListUsers&Version=1999-01-01", 400, "InvalidAction"),
        ("lambda", "GET", "/2015-03-31/nope", {}, b"", 404, "UnknownOperationException"),
        ("lambda", "PATCH", "/2015-03-31/functions/a", {}, b"", 404, "UnknownOperationException"),
        ("s3", "PATCH", "/bucket/key", {}, b"", 405, "MethodNotAllowed"),
        ("ec2", "POST", "/", FORM, b"Action=Nope&Version=2016-11-15", 400, "InvalidAction"),
        ("monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/X", CBOR, b"\xa0", 404, "Unknown"),
        # Operations that AWS has and we have not.
        ("logs", "POST", "/", target("Logs_20140328.StartQuery"), b"{}", 501, "NotImplemented"),
        ("dynamodb", "POST", "/", target("DynamoDB_20120810.ListTables"), b"{}", 501, "NotImplemented"),
        ("iam", "POST", "/", FORM, b"Action=GetOrganizationsAccessReport&JobId=x&Version=2010-05-08", 501, "NotImplemented"),
        ("lambda", "GET", "/2020-04-22/code-signing-configs/", {}, b"", 501, "NotImplemented"),
        ("apigateway", "GET", "/restapis", {}, b"", 501, "NotImplemented"),
        ("s3", "GET", "/?x-id=SelectObjectContent&select", {}, b"", 200, ""),
        ("ec2", "POST", "/", FORM, b"Action=DescribeInstances&Version=2016-11-15", 501, "NotImplemented"),
        ("monitoring", "POST", "/service/GraniteServiceVersion20100801/operation/ListMetrics", CBOR, b"\xa0", 501, "NotImpl"),
        # Services that nobody has.
        ("nosuch", "POST", "/", target("Nosuch_1.Do"), b"{}", 501, "UnknownOperationException"),
        ("nosuch", "GET", "/x", {}, b"", 501, "UnknownOperationException"),
        ("nosuch", "POST", "/", FORM, b"Action=Do&Version=1", 501, "UnknownOperationException"),
        ("nosuch", "POST", "/service/Nosuch/operation/Do", CBOR, b"\xa0", 404, "UnknownOperationException"),
    ],
    ids=lambda value: str(value)[:24],
)  # fmt: skip
def test_what_is_not_there(
    sender: Any, service: str, method: str, path: str, headers: Any, body: bytes, status: int, code: str
) -> None:
    refused(sender.send(service, method, path, headers, body), status, code)


@pytest.mark.parametrize(
    ("service", "path", "headers", "body", "code"),
    [
        ("logs", "/", target("Logs_20140328.CreateLogGroup"), b"x" * 17_000_000, "RequestEntityTooLargeException"),
        ("iam", "/", FORM, b"Action=CreateUser&UserName=" + b"x" * 17_000_000, "RequestEntityTooLargeException"),
        ("s3", "/bucket?delete", {}, b"x" * 17_000_000, "MaxMessageLengthExceeded"),
        ("lambda", "/2015-03-31/functions", {}, b"x" * 70_000_000, "RequestEntityTooLargeException"),
    ],
)
def test_bodies_beyond_a_services_limit(
    sender: Any, service: str, path: str, headers: Any, body: bytes, code: str
) -> None:
    # Promised, not sent: the refusal does not wait for what it refuses.
    sock = sender.begin(service, "POST", path, headers, length=len(body), payload=hashlib.sha256(body).hexdigest())
    reply = sender.end(sock, "POST")
    refused(reply, 400 if service == "s3" else 413, code)


def test_a_region_must_be_one(sender: Any) -> None:
    for region in ("x" * 9000, "us east", "eu:west-1", "Ünten"):
        sender.region = region
        body = b'{"logGroupName":"a"}'
        reply = sender.send("logs", "POST", "/", target("Logs_20140328.CreateLogGroup"), body)
        refused(reply, 400, "IncompleteSignatureException")
        refused(sender.send("s3", "GET", "/"), 400, "AuthorizationHeaderMalformed")


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/x", "/bucket/%ff", "/%00", "/bucket/%00?versionId=%00", "/bucket?list-type=2&max-keys=-1",
     "/bucket?list-type=2&continuation-token=%00", "/bucket/k?partNumber=x&uploadId=..%2f..", "/?continuation-token=%ff"],
)  # fmt: skip
def test_targets_of_s3(sender: Any, path: str) -> None:
    reply = sender.send("s3", "GET", path)
    assert reply.status in (400, 403, 404), reply.text
    assert reply.request_id
    assert b"<Code>" in reply.body


def test_policies_and_parameters_that_are_documents_themselves(sender: Any) -> None:
    body = b"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=" + DEEP
    refused(sender.send("iam", "POST", "/", FORM, body), 400, "Malformed")
    deep = json.dumps({"logGroupName": "g", "filterPattern": "{ $.a" + "[0]" * 5000 + " = 1 }"}).encode()
    reply = sender.send("logs", "POST", "/", target("Logs_20140328.FilterLogEvents"), deep)
    assert reply.status == 400
    nested = json.dumps(
        {"logGroupName": "g", "filterPattern": "{ " + "(" * 400 + "$.a = 1" + ")" * 400 + " }"}
    ).encode()
    reply = sender.send("logs", "POST", "/", target("Logs_20140328.FilterLogEvents"), nested)
    assert reply.status == 400
