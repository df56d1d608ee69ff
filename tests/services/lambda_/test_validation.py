"""What CreateFunction and its kin refuse, in AWS's words."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

OTHER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def refusal(fn: Any, **request: Any) -> tuple[str, str, int]:
    """Code, message and status of a CreateFunction that must fail."""
    with pytest.raises(ClientError) as caught:
        fn.create(**request)
    response = caught.value.response
    with pytest.raises(ClientError):
        fn.client.get_function(FunctionName="f")
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


INVALID = "InvalidParameterValueException"
ENV = "Lambda was unable to configure your environment variables because the environment variables you have provided"
RESERVED = (
    f"{ENV} contains reserved keys that are currently not supported for modification. "
    "Reserved keys used in this request: AWS_REGION"
)
UP_TO = "value failed to satisfy constraint: Member must have value less than or equal to"
ACCESS_POINT = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-12345678901234567"
SIX_LAYERS = [f"arn:aws:lambda:us-east-1:123456789012:layer:l{i}:1" for i in range(6)]
NEED = "Runtime and Handler are mandatory parameters for functions created with deployment packages."


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"Handler": None}, INVALID, NEED),
        ({"Runtime": None}, INVALID, NEED),
        ({"Runtime": "java21"}, INVALID, "java21"),
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}, "Runtime": None, "Handler": None}, INVALID, "container images"),
        ({"Code": {}}, INVALID, "Please provide a source for function code."),
        ({"Code": {"ZipFile": b"x", "S3Bucket": "bbb", "S3Key": "k"}}, INVALID, "Please do not provide other FunctionCode parameters"),
        ({"Code": {"ZipFile": b"not a zip"}}, INVALID, "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"MemorySize": 10241}, INVALID, f"'MemorySize' {UP_TO} 10240"),
        ({"Timeout": 901}, INVALID, f"'Timeout' {UP_TO} 900"),
        ({"EphemeralStorage": {"Size": 10241}}, INVALID, "less than or equal to 10240"),
        ({"Environment": {"Variables": {"AWS_REGION": "x", "OK": "y"}}}, INVALID, RESERVED),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, INVALID, f"{ENV} exceeded the 4KB limit. String measured: "),
        ({"Layers": SIX_LAYERS}, INVALID, "Cannot reference more than 5 layers."),
        ({"Tags": {f"t{i}": "" for i in range(51)}}, INVALID, "tag limit of 50"),
        ({"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}, "NotImplemented", "VpcConfig"),
        ({"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/x"}, "NotImplemented", "KMSKeyArn"),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:123456789012:q"}}, "NotImplemented", "DeadLetterConfig"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "NotImplemented", "SnapStart"),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "NotImplemented", "LogFormat JSON"),
        ({"FileSystemConfigs": [{"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/x"}]}, "NotImplemented", "FileSystemConfigs"),
    ],
)  # fmt: skip
def test_create_refuses(fn: Any, request_: dict[str, Any], code: str, message: str) -> None:
    found = refusal(fn, **request_)
    assert found[0] == code
    assert message in found[1]
    assert found[2] == (501 if code == "NotImplemented" else 400)


@pytest.mark.parametrize(
    "request_", [{"MemorySize": 127}, {"Timeout": 0}, {"EphemeralStorage": {"Size": 511}}, {"FunctionName": "a b"}]
)
def test_the_models_own_limits_hold(fn: Any, request_: dict[str, Any]) -> None:
    fn.client = fn.of("lambda", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        fn.create(**request_)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "validation error detected" in caught.value.response["Error"]["Message"]


def test_the_role_must_let_lambda_assume_it(fn: Any) -> None:
    iam = fn.of("iam")
    other = iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(OTHER_TRUST))["Role"]["Arn"]
    wanted = (INVALID, "The role defined for the function cannot be assumed by Lambda.", 400)
    assert refusal(fn, Role=other) == wanted
    assert refusal(fn, Role=f"arn:aws:iam::{fn.account}:role/nobody") == wanted
    code, message, status = refusal(fn, Role="arn:aws:iam::000000000009:role/worker")
    assert (code, message, status) == ("AccessDeniedException", "Cross-account pass role is not allowed.", 403)
    fn.create()
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        fn.client.update_function_configuration(FunctionName="f", Role=other)


def archive(*names: str, size: int = 1) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, b"\0" * size)
    return file.getvalue()


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py"])
def test_zips_that_climb_out_are_refused(fn: Any, name: str) -> None:
    assert refusal(fn, Code={"ZipFile": archive("app.py", name)})[:2] == (
        INVALID,
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )


def test_zip_bombs_are_refused(fn: Any) -> None:
    bomb = archive("app.py", size=262_144_001)
    assert len(bomb) < 1_000_000
    assert refusal(fn, Code={"ZipFile": bomb})[:2] == (INVALID, "Unzipped size must be smaller than 262144000 bytes")


def test_empty_and_damaged_zips_are_refused(fn: Any, zipped: Callable[..., bytes]) -> None:
    assert refusal(fn, Code={"ZipFile": archive()})[1] == "Uploaded file must be a non-empty zip"
    whole = zipped("x = 1\n" * 500)
    at = whole.index(b"app.py") + 20
    damaged = whole[:at] + bytes(255 - byte for byte in whole[at : at + 8]) + whole[at + 8 :]
    assert "Could not unzip uploaded file" in refusal(fn, Code={"ZipFile": damaged})[1]
    assert "Could not unzip uploaded file" in refusal(fn, Code={"ZipFile": whole[:-10]})[1]


def test_updates_are_checked_like_creations(fn: Any) -> None:
    before = fn.create()
    for change in (
        {"MemorySize": 20000},
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
        {"Runtime": "java21"},
        {"Timeout": 1000},
    ):
        with pytest.raises(fn.client.exceptions.InvalidParameterValueException):
            fn.client.update_function_configuration(FunctionName="f", **change)
    with pytest.raises(fn.client.exceptions.InvalidParameterValueException, match="Could not unzip"):
        fn.client.update_function_code(FunctionName="f", ZipFile=b"nope")
    assert fn.client.get_function_configuration(FunctionName="f")["RevisionId"] == before["RevisionId"]


def test_operations_to_come_say_so(fn: Any) -> None:
    fn.create()
    with pytest.raises(ClientError) as caught:
        fn.client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
