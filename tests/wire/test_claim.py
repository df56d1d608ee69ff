"""Which operation a request claims, in every way that a request can say it, and what is said to one that says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.base.messages import BytesBody
from cumulet.wire.claim import ClaimError

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "target", "operation", "labels"),
    [
        ("GET", "/", "ListBuckets", {}),
        ("GET", "/photos", "ListObjects", {"Bucket": "photos"}),
        ("GET", "/photos/", "ListObjects", {"Bucket": "photos"}),
        ("GET", "/photos?list-type=2", "ListObjectsV2", {"Bucket": "photos"}),
        ("GET", "/photos?versions", "ListObjectVersions", {"Bucket": "photos"}),
        ("GET", "/photos?uploads", "ListMultipartUploads", {"Bucket": "photos"}),
        ("GET", "/photos?location", "GetBucketLocation", {"Bucket": "photos"}),
        ("GET", "/photos?acl", "GetBucketAcl", {"Bucket": "photos"}),
        ("GET", "/photos?acl=", "GetBucketAcl", {"Bucket": "photos"}),
        ("GET", "/photos?notification", "GetBucketNotificationConfiguration", {"Bucket": "photos"}),
        ("PUT", "/photos?notification", "PutBucketNotificationConfiguration", {"Bucket": "photos"}),
        ("GET", "/photos?lifecycle", "GetBucketLifecycleConfiguration", {"Bucket": "photos"}),
        ("GET", "/photos?analytics", "ListBucketAnalyticsConfigurations", {"Bucket": "photos"}),
        ("GET", "/photos?analytics&id=1", "GetBucketAnalyticsConfiguration", {"Bucket": "photos"}),
        ("PUT", "/photos", "CreateBucket", {"Bucket": "photos"}),
        ("HEAD", "/photos", "HeadBucket", {"Bucket": "photos"}),
        ("DELETE", "/photos", "DeleteBucket", {"Bucket": "photos"}),
        ("POST", "/photos?delete", "DeleteObjects", {"Bucket": "photos"}),
        ("GET", "/photos/a/b.jpg", "GetObject", {"Bucket": "photos", "Key": "a/b.jpg"}),
        ("GET", "/photos/a?x-id=GetObject", "GetObject", {"Bucket": "photos", "Key": "a"}),
        ("GET", "/photos/a?partNumber=1", "GetObject", {"Bucket": "photos", "Key": "a"}),
        ("GET", "/photos/a?uploadId=x", "ListParts", {"Bucket": "photos", "Key": "a"}),
        ("GET", "/photos/a?tagging&versionId=7", "GetObjectTagging", {"Bucket": "photos", "Key": "a"}),
        ("GET", "/photos/a?versionId=7", "GetObject", {"Bucket": "photos", "Key": "a"}),
        ("PUT", "/photos/a", "PutObject", {"Bucket": "photos", "Key": "a"}),
        ("PUT", "/photos/a?partNumber=1&uploadId=x", "UploadPart", {"Bucket": "photos", "Key": "a"}),
        ("PUT", "/photos/a?acl", "PutObjectAcl", {"Bucket": "photos", "Key": "a"}),
        ("POST", "/photos/a?uploads", "CreateMultipartUpload", {"Bucket": "photos", "Key": "a"}),
        ("POST", "/photos/a?uploadId=x", "CompleteMultipartUpload", {"Bucket": "photos", "Key": "a"}),
        ("POST", "/photos/a?select&select-type=2", "SelectObjectContent", {"Bucket": "photos", "Key": "a"}),
        ("DELETE", "/photos/a", "DeleteObject", {"Bucket": "photos", "Key": "a"}),
        ("DELETE", "/photos/a?uploadId=x", "AbortMultipartUpload", {"Bucket": "photos", "Key": "a"}),
        ("OPTIONS", "/photos/a", "Options", {"Bucket": "photos", "Key": "a"}),
        ("GET", "/photos//", "GetObject", {"Bucket": "photos", "Key": "/"}),
        ("GET", "/photos//a//b/", "GetObject", {"Bucket": "photos", "Key": "/a//b/"}),
        ("GET", "/photos/../a/./..", "GetObject", {"Bucket": "photos", "Key": "../a/./.."}),
        ("GET", "/photos/a%2Fb%2f", "GetObject", {"Bucket": "photos", "Key": "a/b/"}),
        ("GET", "/photos/a+b%20c%2B", "GetObject", {"Bucket": "photos", "Key": "a+b c+"}),
        ("GET", "/photos/%C3%BC%zz%", "GetObject", {"Bucket": "photos", "Key": "ü%zz%"}),
        ("GET", "/photos/Ã¼", "GetObject", {"Bucket": "photos", "Key": "ü"}),
    ],
)
def test_s3_path_style(wire: Any, method: str, target: str, operation: str, labels: dict[str, str]) -> None:
    unsigned: dict[str, str] = {}
    for headers in (unsigned, wire.signed("s3")):
        found = wire.claim(wire.request(method, target, headers))
        assert (found.service, found.operation, found.protocol) == ("s3", operation, "rest-xml")
        assert found.labels == labels


def test_s3_copies(wire: Any) -> None:
    source = {"x-amz-copy-source": "/a/b"}
    assert wire.claim(wire.request("PUT", "/b/k", source)).operation == "CopyObject"
    assert wire.claim(wire.request("PUT", "/b/k?x-id=CopyObject", source)).operation == "CopyObject"
    assert wire.claim(wire.request("PUT", "/b/k?partNumber=1&uploadId=u", source)).operation == "UploadPartCopy"
    assert wire.claim(wire.request("PUT", "/b", source)).operation == "CreateBucket"


def test_s3_query_values(wire: Any) -> None:
    found = wire.claim(wire.request("GET", "/b?list-type=2&prefix=a%2Fb+c&delimiter=/&x=1&x=2&%C3%BC=%C3%BC"))
    assert found.query == {"list-type": "2", "prefix": "a/b c", "delimiter": "/", "x": ["1", "2"], "ü": "ü"}


@pytest.mark.parametrize(
    ("host", "service", "bucket", "region"),
    [
        ("photos.s3.localhost:4566", "s3", "photos", None),
        ("Photos.S3.localhost", "s3", "photos", None),
        ("a.b.s3.localhost", "s3", "a.b", None),
        ("photos.s3.amazonaws.com", "s3", "photos", None),
        ("photos.s3.eu-west-1.amazonaws.com", "s3", "photos", "eu-west-1"),
        ("photos.s3.dualstack.eu-west-1.amazonaws.com", "s3", "photos", "eu-west-1"),
        ("photos.s3-eu-west-1.amazonaws.com", "s3", "photos", "eu-west-1"),
        ("photos.s3-accelerate.amazonaws.com", "s3", "photos", None),
        ("photos.s3.us-gov-west-1.amazonaws.com", "s3", "photos", "us-gov-west-1"),
        ("photos.s3.localhost.localstack.cloud:4566", "s3", "photos", None),
    ],
)
def test_s3_virtual_hosts(wire: Any, host: str, service: str, bucket: str, region: str | None) -> None:
    found = wire.claim(wire.request("GET", "/a%2Fb//", {"host": host}))
    assert found == (service, "GetObject", "rest-xml", {"Bucket": bucket, "Key": "a/b//"}, {}, region)
    assert wire.claim(wire.request("GET", "/?list-type=2", {"host": host})).operation == "ListObjectsV2"
    assert wire.claim(wire.request("PUT", "/", {"host": host})).operation == "CreateBucket"


@pytest.mark.parametrize(
    "host",
    ["s3.localhost", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "localhost:4566", "[::1]:4566", "x.example.com", "",
     "bucket.localhost", "a_.s3.localhost", "..s3.localhost"],
)  # fmt: skip
def test_hosts_that_name_no_bucket(wire: Any, host: str) -> None:
    found = wire.claim(wire.request("GET", "/photos/k", {"host": host}))
    assert (found.service, found.labels) == ("s3", {"Bucket": "photos", "Key": "k"})


@pytest.mark.parametrize("host", ["js-bucket.localhost:4566", "js-bucket.localhost"])
def test_a_name_in_localhost_is_a_bucket_where_the_signature_is_for_s3(wire: Any, host: str) -> None:
    signed = {"host": host, "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, "}
    found = wire.claim(wire.request("PUT", "/key", signed))
    assert (found.operation, found.labels) == ("PutObject", {"Bucket": "js-bucket", "Key": "key"})
    assert wire.claim(wire.request("PUT", "/key", signed | {"host": "localhost:4566"})).operation == "CreateBucket"


@pytest.mark.parametrize(
    ("host", "region"), [("lambda.eu-west-1.amazonaws.com", "eu-west-1"), ("lambda.localhost:4566", None)]
)
def test_service_hosts(wire: Any, host: str, region: str | None) -> None:
    found = wire.claim(wire.request("GET", "/2015-03-31/functions/", {"host": host}))
    assert (found.service, found.operation, found.region) == ("lambda", "ListFunctions", region)


def test_targets(wire: Any) -> None:
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem", "content-type": "application/x-amz-json-1.0"}
    found = wire.claim(wire.request("POST", "/", headers | wire.signed("dynamodb", "ap-south-1")))
    assert found == ("dynamodb", "PutItem", "json", {}, {}, "ap-south-1")
    streams = wire.claim(wire.request("POST", "/", {"x-amz-target": "DynamoDBStreams_20120810.ListStreams"}))
    assert (streams.service, streams.region) == ("dynamodbstreams", None)
    assert wire.claim(wire.request("POST", "/", {"x-amz-target": "Logs_20140328.PutLogEvents"})).service == "logs"


def test_smithy_rpc_paths(wire: Any) -> None:
    found = wire.claim(wire.request("POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData"))
    assert (found.service, found.operation, found.protocol) == ("cloudwatch", "PutMetricData", "smithy-rpc-v2-cbor")
    bucket = wire.claim(wire.request("GET", "/service/photos/operation/x"))
    assert (bucket.service, bucket.labels["Bucket"]) == ("s3", "service")


def test_forms(wire: Any) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    for headers in (FORM, FORM | wire.signed("sts", "eu-central-1")):
        found = wire.claim(wire.request("POST", "/", headers, body))
        assert (found.service, found.operation, found.protocol) == ("sts", "GetCallerIdentity", "query")
    assert found.region == "eu-central-1"
    by_url = wire.claim(wire.request("GET", "/?Action=ListUsers&Version=2010-05-08&Marker=a%20b"))
    assert (by_url.service, by_url.operation, by_url.query["Marker"]) == ("iam", "ListUsers", "a b")
    for version, service in (("2012-06-01", "elb"), ("2015-12-01", "elbv2")):
        body = f"Action=DescribeLoadBalancers&Version={version}".encode()
        assert (
            wire.claim(wire.request("POST", "/", FORM | wire.signed("elasticloadbalancing"), body)).service == service
        )


def test_services_that_share_a_signing_name(wire: Any) -> None:
    headers = wire.signed("apigateway")
    assert wire.claim(wire.request("GET", "/restapis", headers)).service == "apigateway"
    assert wire.claim(wire.request("GET", "/v2/apis", headers)).service == "apigatewayv2"
    invoke = wire.claim(wire.request("POST", "/endpoints/e/invocations", wire.signed("sagemaker")))
    assert (invoke.service, invoke.operation) == ("sagemaker-runtime", "InvokeEndpoint")


def test_presigned_urls(wire: Any) -> None:
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=x"
    )
    found = wire.claim(wire.request("GET", f"/photos/k?{query}"))
    assert (found.operation, found.region) == ("GetObject", "eu-west-1")


def test_rest_labels_are_decoded_after_the_split(wire: Any) -> None:
    headers = wire.signed("lambda")
    arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af"
    tags = wire.claim(wire.request("GET", f"/2017-03-31/tags/{arn}", headers))
    assert (tags.operation, tags.labels) == (
        "ListTags",
        {"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"},
    )
    slash = wire.claim(wire.request("GET", "/2015-03-31/functions/a%2Fb", headers))
    assert slash.labels == {"FunctionName": "a/b"}
    find = wire.claim(wire.request("GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", headers))
    assert find.operation == "GetLayerVersionByArn"
    assert wire.claim(wire.request("GET", "/2018-10-31/layers", headers)).operation == "ListLayers"
    fixed = wire.claim(wire.request("GET", "/2015-03-31/functions/f/versions/", headers))
    assert fixed.operation == "ListVersionsByFunction"


def test_a_form_posted_to_a_bucket(wire: Any) -> None:
    form = {"content-type": "multipart/form-data; boundary=x"}
    assert wire.claim(wire.request("POST", "/photos", form)).operation == "PostObject"
    assert wire.claim(wire.request("POST", "/", form | {"host": "photos.s3.localhost"})).operation == "PostObject"


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "service", "protocol", "code", "status", "message"),
    [
        ("POST", "/", {"x-amz-target": "DynamoDB_20120810.Nothing"}, b"{}", "dynamodb", "json",
         "UnknownOperationException", 400, ""),
        ("POST", "/", {"x-amz-target": "Foo.Bar"}, b"{}", "", "json",
         "UnknownOperationException", 501, "Cumulet has no service 'Foo'"),
        ("POST", "/", FORM, b"Action=Nothing&Version=2010-05-08", "iam", "query",
         "InvalidAction", 400, "Could not find operation Nothing for version 2010-05-08"),
        ("POST", "/", FORM, b"Action=ListUsers&Version=1999-01-01", "", "query",
         "InvalidAction", 400, "Could not find operation ListUsers for version 1999-01-01"),
        ("POST", "/", FORM, b"Action=ListUsers", "", "query",
         "InvalidAction", 400, "Could not find operation ListUsers for version NO_VERSION_SPECIFIED"),
        ("POST", "/", FORM, b"Action=%ff", "", "query",
         "MalformedQueryString", 400, "The query string contains a syntax error."),
        ("POST", "/photos/k", {}, b"", "s3", "rest-xml",
         "MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
        ("PATCH", "/photos/k", {}, b"", "s3", "rest-xml",
         "MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
        ("DELETE", "/", {}, b"", "s3", "rest-xml",
         "MethodNotAllowed", 405, "The specified method is not allowed against this resource."),
        ("POST", "/photos", {}, b"", "s3", "rest-xml",
         "PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"),
        ("GET", "/photos/%ff", {}, b"", "s3", "rest-xml",
         "InvalidURI", 400, "Couldn't parse the specified URI."),
        ("GET", "/photos?prefix=%ff", {}, b"", "s3", "rest-xml",
         "InvalidURI", 400, "Couldn't parse the specified URI."),
        ("POST", "/service/GraniteServiceVersion20100801/operation/Nothing", {}, b"", "cloudwatch", "smithy-rpc-v2-cbor",
         "UnknownOperationException", 404, ""),
    ],
)  # fmt: skip
def test_what_is_said_to_a_request_that_names_nothing(
    wire: Any, method: str, target: str, headers: dict[str, str], body: bytes,
    service: str, protocol: str, code: str, status: int, message: str,
) -> None:  # fmt: skip
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request(method, target, headers, body))
    error = caught.value
    assert (error.service, error.protocol, error.code, error.status) == (service, protocol, code, status)
    assert error.message == message


def test_unknown_rest_paths_and_scopes(wire: Any) -> None:
    for target in ("/nothing/at/all", "/2015-03-31/functions//invocations", "/2015-03-31/functions/%ff"):
        with pytest.raises(ClaimError) as caught:
            wire.claim(wire.request("GET", target, wire.signed("lambda")))
        assert (caught.value.service, caught.value.protocol) == ("lambda", "rest-json")
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request("GET", "/2013-04-01/hostedzone", wire.signed("route53")))
    assert (caught.value.status, caught.value.message) == (501, "Cumulet has no service 'route53'")
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request("POST", "/", FORM | wire.signed("iam"), b"x=1"))
    assert caught.value.code == "MissingAction"
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request("POST", "/", FORM | {"host": "sts.localhost"}, b"Action=Nothing"))
    assert (caught.value.service, caught.value.code) == ("sts", "InvalidAction")
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request("POST", "/", wire.signed("dynamodb"), b"{}"))
    assert (caught.value.code, caught.value.protocol) == ("UnknownOperationException", "json")


def test_a_form_of_very_many_parameters_is_refused(wire: Any) -> None:
    body = b"Action=ListUsers&Version=2010-05-08" + b"&a=1" * 30_000
    with pytest.raises(ClaimError) as caught:
        wire.claim(wire.request("POST", "/", FORM, body))
    assert caught.value.code == "MalformedQueryString"


def test_a_streaming_body_is_never_read(wire: Any) -> None:
    class Stream(BytesBody):
        @property
        def data(self) -> bytes:  # type: ignore[override]
            raise AssertionError("a claim reads no stream")

        def __init__(self) -> None:
            self.length = None

    request = wire.request("PUT", "/photos/k", FORM)
    request.body = Stream()
    assert wire.claim(request).operation == "PutObject"
