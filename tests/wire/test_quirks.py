"""Each oddity of a service, by name: what the model does not say and clients or AWS's pages do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree
from zlib import crc32

import pytest

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, StreamBody
from cumulet.wire import compile as compiler
from cumulet.wire import models, quirks
from cumulet.wire.catalog import CATALOG

NS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def s3(name: str) -> Any:
    return compiler.operation("s3", name, "rest-xml")


def headers_of(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers}


def parse(wire: Any, method: str, target: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    request = wire.request(method, target, headers, body)
    found = wire.claim(request)
    operation = s3(found.operation)
    params = operation.parse(request, found, body)
    operation.check(params)
    return params


@pytest.mark.parametrize(("service", "name"), sorted(quirks.ROOT_ELEMENTS))
def test_root_elements(service: str, name: str) -> None:
    root = ElementTree.fromstring(compiler.operation(service, name, "rest-xml").reply({}, "rid").body)  # type: ignore[arg-type]
    assert root.tag == NS + quirks.ROOT_ELEMENTS[service, name]


def test_every_document_of_s3_has_a_root_on_purpose() -> None:
    model = models.load("s3")
    named = {name for _, name in quirks.ROOT_ELEMENTS}
    for name, operation in model.operations.items():
        shape = model.shapes.get(operation.get("output", {}).get("shape", ""), {})
        if operation.get("deprecated") or shape.get("payload"):
            continue
        if any(not member.get("location") for member in shape.get("members", {}).values()):
            assert name in named or "Annotation" in name, name


def test_a_list_of_objects_looks_like_s3s() -> None:
    moment = datetime(2009, 10, 12, 17, 50, 30, tzinfo=UTC)
    contents = [{"Key": "a&b", "LastModified": moment, "ETag": '"x"', "Size": 5, "StorageClass": "STANDARD"}]
    response = s3("ListObjectsV2").reply(
        {"Name": "b", "KeyCount": 1, "IsTruncated": False, "Contents": contents}, "rid"
    )
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key>"
        b"<LastModified>2009-10-12T17:50:30.000Z</LastModified><ETag>&quot;x&quot;</ETag><Size>5</Size>"
        b"<StorageClass>STANDARD</StorageClass></Contents><Name>b</Name><KeyCount>1</KeyCount></ListBucketResult>"
    )
    assert headers_of(response)["content-type"] == "application/xml"


def test_timestamps_may_be_numbers() -> None:
    body: Any = s3("ListBuckets").reply({"Buckets": [{"Name": "b", "CreationDate": 1700000000.5}]}, "rid").body
    assert b"<CreationDate>2023-11-14T22:13:20.500Z</CreationDate>" in body
    headers = headers_of(s3("HeadObject").reply({"LastModified": 1700000000.5}, "rid"))
    assert headers["last-modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    role = {"Role": {"CreateDate": 1700000000}}
    text: Any = compiler.operation("iam", "GetRole", "query").reply(role, "r").body
    assert b"<CreateDate>2023-11-14T22:13:20Z</CreateDate>" in text


def test_get_bucket_location_is_text_in_its_root() -> None:
    operation = s3("GetBucketLocation")
    start = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    )
    assert operation.reply({"LocationConstraint": "eu-west-1"}, "r").body == start + b"eu-west-1</LocationConstraint>"
    assert operation.reply({}, "r").body == start + b"</LocationConstraint>"


def test_a_range_is_partial_content() -> None:
    assert s3("GetObject").reply({"Body": b"x"}, "r").status == 200
    assert s3("GetObject").reply({"Body": b"x", "ContentRange": "bytes 0-0/9"}, "r").status == 206
    assert s3("HeadObject").reply({"ContentRange": "bytes 0-0/9"}, "r").status == 206


def test_the_length_is_the_servers_to_say_except_for_head() -> None:
    assert "content-length" not in headers_of(s3("GetObject").reply({"Body": b"xyz", "ContentLength": 3}, "r"))
    assert headers_of(s3("HeadObject").reply({"ContentLength": 3}, "r"))["content-length"] == "3"


def test_bodies_pass_through_untouched(wire: Any) -> None:
    async def chunks() -> Any:
        yield b"x"

    stream = StreamBody(chunks(), 1)
    assert s3("GetObject").reply({"Body": stream}, "r").body is stream
    assert s3("GetObject").reply({"Body": BytesBody(b"x")}, "r").body == b"x"
    assert s3("GetObject").reply({}, "r").body == b""
    request = wire.request("PUT", "/b/k")
    request.body = stream
    assert s3("PutObject").parse(request, wire.claim(request), b"")["Body"] is stream
    assert (s3("PutObject").input_stream, s3("GetObject").output_stream) == ("Body", "Body")


def test_conditions_with_unreadable_dates_are_no_conditions(wire: Any) -> None:
    good = parse(wire, "GET", "/b/k", {"if-modified-since": "Sun, 06 Nov 1994 08:49:37 GMT"})
    assert good["IfModifiedSince"] == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert "IfModifiedSince" not in parse(wire, "GET", "/b/k", {"if-modified-since": "yesterday"})
    with pytest.raises(AwsError, match="InvalidArgument"):
        parse(wire, "PUT", "/b/k", {"x-amz-object-lock-retain-until-date": "yesterday"})


@pytest.mark.parametrize(
    ("target", "name", "value", "message"),
    [
        ("/b?list-type=2&max-keys=x", "max-keys", "x", "Provided max-keys not an integer or within integer range"),
        ("/b?max-keys=9999999999999999999999", "max-keys", "9999999999999999999999",
         "Provided max-keys not an integer or within integer range"),
        ("/b?max-keys=2147483648", "max-keys", "2147483648", "Provided max-keys not an integer or within integer range"),
        ("/b/k?partNumber=x", "partNumber", "x", "Part number must be an integer between 1 and 10000, inclusive"),
    ],
)  # fmt: skip
def test_parameters_of_the_wrong_type(wire: Any, target: str, name: str, value: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse(wire, "GET", target)
    assert (caught.value.code, caught.value.message, caught.value.status) == ("InvalidArgument", message, 400)
    assert caught.value.members == {"ArgumentName": name, "ArgumentValue": value}


def test_expires_is_a_string_whatever_it_says(wire: Any) -> None:
    assert parse(wire, "PUT", "/b/k", {"expires": "never"})["Expires"] == "never"
    assert headers_of(s3("GetObject").reply({"Expires": "never"}, "r"))["expires"] == "never"


def test_metadata_travels_under_a_prefix(wire: Any) -> None:
    params = parse(wire, "PUT", "/b/k", {"x-amz-meta-a": "1", "x-amz-meta-b-c": "é"})
    assert params["Metadata"] == {"a": "1", "b-c": "é"}
    headers = headers_of(s3("GetObject").reply({"Metadata": {"a": "1", "b": "€"}}, "r"))
    assert (headers["x-amz-meta-a"], headers["x-amz-meta-b"]) == ("1", "=?UTF-8?B?4oKs?=")


def test_headers_cannot_be_split() -> None:
    response = s3("GetObject").reply(
        {"ContentDisposition": "a\r\nX-Evil: 1", "Metadata": {"k\r\nX: y": "v\nw"}}, "r"
    )  # fmt: skip
    for name, value in response.headers:
        assert "\n" not in name + value and "\r" not in name + value, (name, value)


def test_grantees_carry_their_type_as_an_attribute(wire: Any) -> None:
    body = (
        b'<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><AccessControlList><Grant>'
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee>'
        b"<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )
    policy = parse(wire, "PUT", "/b?acl", body=body)["AccessControlPolicy"]
    assert policy == {"Grants": [{"Grantee": {"Type": "Group", "URI": "u"}, "Permission": "READ"}]}
    out = s3("GetBucketAcl").reply({"Grants": policy["Grants"]}, "r").body
    assert b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI>' in out


COMPLETE = b"<CompleteMultipartUpload%s><Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"


@pytest.mark.parametrize("namespace", [b"", b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', b' xmlns="urn:other"'])
def test_namespaces_are_tolerated(wire: Any, namespace: bytes) -> None:
    params = parse(wire, "POST", "/b/k?uploadId=u", body=COMPLETE % namespace)
    assert params["MultipartUpload"] == {"Parts": [{"ETag": '"a"', "PartNumber": 1}]}


def test_unknown_elements_and_whitespace_are_skipped(wire: Any) -> None:
    body = (
        b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><Delete>\n <Zz><Key>q</Key></Zz> <Object>\n<Key>a b</Key></Object>"
        b"<Quiet>true</Quiet></Delete>"
    )
    assert parse(wire, "POST", "/b?delete", body=body)["Delete"] == {"Objects": [{"Key": "a b"}], "Quiet": True}


BOMB = (
    b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><Delete><Object><Key>&b;</Key></Object></Delete>"
)
EXTERNAL = b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><Delete><Object><Key>&e;</Key></Object></Delete>"


@pytest.mark.parametrize(
    "body",
    [
        b"<", b"x", b"<Delete>", b"<Delete></Other>", b"<Other/>", b"\xff\xfe<", b"<Delete/>x", b"\x00", BOMB, EXTERNAL,
        BOMB.decode().encode("utf-16"), b"<Delete>" * 100_000, b"<Delete>" * 50_000 + b"</Delete>" * 50_000,
        b"<Delete/>", b"<Delete><Object/></Delete>", b"<Delete><Object><Key>&undefined;</Key></Object></Delete>",
        b"<Delete><Object><Key>a</Key></Object><Quiet>maybe</Quiet></Delete>",
        b"<Delete><Object><Key>a</Key><Size>x</Size></Object></Delete>",
        b"<Delete><Object><Key>\x01</Key></Object></Delete>",
    ],
)  # fmt: skip
def test_malformed_xml(wire: Any, body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse(wire, "POST", "/b?delete", body=body)
    assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)
    assert caught.value.message == (
        "The XML you provided was not well-formed or did not validate against our published schema"
    )


def test_a_missing_document(wire: Any) -> None:
    with pytest.raises(AwsError, match="MissingRequestBodyError"):
        parse(wire, "POST", "/b?delete")
    assert "CreateBucketConfiguration" not in parse(wire, "PUT", "/b")


def test_enumerations_of_documents_are_part_of_the_schema(wire: Any) -> None:
    with pytest.raises(AwsError, match="MalformedXML"):
        parse(
            wire, "PUT", "/b?versioning", body=b"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>"
        )
    where = b"<CreateBucketConfiguration><LocationConstraint>mars</LocationConstraint></CreateBucketConfiguration>"
    assert parse(wire, "PUT", "/b", body=where)["CreateBucketConfiguration"] == {"LocationConstraint": "mars"}


def test_other_constraints_are_s3s_own_to_check(wire: Any) -> None:
    assert parse(wire, "GET", "/?max-buckets=0")["MaxBuckets"] == 0


def test_dynamodb_answers_with_a_checksum() -> None:
    response = compiler.operation("dynamodb", "GetItem", "json").reply({"Item": {"a": {"B": b"x"}}}, "rid")
    assert response.body == b'{"Item":{"a":{"B":"eA=="}}}'
    assert headers_of(response)["x-amz-crc32"] == str(crc32(response.body))


@pytest.mark.parametrize("service", sorted(quirks.VALIDATION_CODES))
def test_validation_codes_are_the_services_own(service: str) -> None:
    assert service in CATALOG
    model = models.load(service)
    known = set(model.shapes) | {shape.get("error", {}).get("code") for shape in model.shapes.values()}
    assert quirks.VALIDATION_CODES[service] in known


def test_sqs_keeps_its_old_names() -> None:
    assert set(quirks.QUERY_ERRORS["sqs"]) <= set(models.load("sqs").shapes)
