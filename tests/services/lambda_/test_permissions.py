"""Resource policies, as boto3 sees them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_statements_have_awss_shape(fn: Any) -> None:
    arn = fn.create()["FunctionArn"]
    answer = fn.client.add_permission(
        FunctionName="f", StatementId="photos", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::photos", SourceAccount=fn.account,
    )  # fmt: skip
    wanted = {
        "Sid": "photos",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": fn.account},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::photos"},
        },
    }
    assert json.loads(answer["Statement"]) == wanted
    fn.client.add_permission(
        FunctionName="f", StatementId="friend", Action="lambda:GetFunction", Principal="000000000003"
    )
    fn.client.add_permission(
        FunctionName="f", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE",
        PrincipalOrgID="o-a1b2c3d4e5",
    )  # fmt: skip
    got = fn.client.get_policy(FunctionName="f")
    policy = json.loads(got["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2012-10-17", "default")
    assert policy["Statement"][0] == wanted
    assert policy["Statement"][1]["Principal"] == {"AWS": "arn:aws:iam::000000000003:root"}
    assert policy["Statement"][2]["Principal"] == "*"
    assert policy["Statement"][2]["Condition"] == {
        "StringEquals": {"lambda:FunctionUrlAuthType": "NONE", "aws:PrincipalOrgID": "o-a1b2c3d4e5"}
    }
    assert got["RevisionId"] == fn.client.get_function_configuration(FunctionName="f")["RevisionId"]


def test_statement_ids_are_unique_and_removable(fn: Any) -> None:
    fn.create()
    allow = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    fn.client.add_permission(StatementId="s", **allow)
    with pytest.raises(fn.client.exceptions.ResourceConflictException) as caught:
        fn.client.add_permission(StatementId="s", **allow)
    assert caught.value.response["Error"]["Message"] == (
        "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement."
    )
    with pytest.raises(
        fn.client.exceptions.ResourceNotFoundException, match="Statement t is not found in resource policy"
    ):
        fn.client.remove_permission(FunctionName="f", StatementId="t")
    with pytest.raises(fn.client.exceptions.PreconditionFailedException, match="Call the GetPolicy API"):
        fn.client.remove_permission(
            FunctionName="f", StatementId="s", RevisionId="00000000-0000-4000-a000-000000000000"
        )
    fn.client.remove_permission(FunctionName="f", StatementId="s")
    with pytest.raises(
        fn.client.exceptions.ResourceNotFoundException, match="The resource you requested does not exist"
    ):
        fn.client.get_policy(FunctionName="f")


def test_bad_principals_and_long_policies_are_refused(fn: Any) -> None:
    fn.create()
    for principal in ("nobody", "arn:aws:iam::000000000003:nonsense", "arn:aws:s3:::bucket"):
        with pytest.raises(
            fn.client.exceptions.InvalidParameterValueException, match="The provided principal was invalid"
        ):
            fn.client.add_permission(
                FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal=principal
            )
    with pytest.raises(fn.client.exceptions.PolicyLengthExceededException, match=r"bigger than the limit \(20480\)"):
        for number in range(300):
            fn.client.add_permission(
                FunctionName="f", StatementId=f"{number:0100}", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
                SourceArn="arn:aws:s3:::" + "b" * 1000,
            )  # fmt: skip
    assert json.loads(fn.client.get_policy(FunctionName="f")["Policy"])["Statement"]


def test_other_accounts_invoke_with_permission_only(fn: Any) -> None:
    arn = fn.create()["FunctionArn"]
    friend = fn.of("lambda", account="000000000004")
    with pytest.raises(ClientError, match="no resource-based policy"):
        friend.invoke(FunctionName=arn)
    fn.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="000000000004"
    )
    assert friend.invoke(FunctionName=arn, Payload=b"5")["Payload"].read() == b"5"
    with pytest.raises(ClientError):
        friend.get_function(FunctionName=arn)


def test_a_versions_policy_is_its_own(fn: Any) -> None:
    fn.create()
    fn.client.publish_version(FunctionName="f")
    allow = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "000000000005"}
    fn.client.add_permission(FunctionName="f", Qualifier="1", **allow)
    policy = json.loads(fn.client.get_policy(FunctionName="f", Qualifier="1")["Policy"])
    assert policy["Statement"][0]["Resource"].endswith(":function:f:1")
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException):
        fn.client.get_policy(FunctionName="f")
