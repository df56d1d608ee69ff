"""Managed policies and their versions; AWS's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cumulet.auth.policy.parse import parse
from cumulet.services.iam import managed


def document(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def test_versions(iam: Any, account: str) -> None:
    made = iam.create_policy(
        PolicyName="Own", Path="/app/", PolicyDocument=document("s3:GetObject"), Description="reads"
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{account}:policy/app/Own"
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["PolicyId"][:4]) == ("v1", 0, "ANPA")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Description"] == "reads"
    assert refused(iam.create_policy, PolicyName="own", PolicyDocument=document("s3:*")) == (
        "EntityAlreadyExists",
        "A policy called own already exists. Duplicate names are not allowed.",
    )
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:PutObject"))["PolicyVersion"]
    assert (second["VersionId"], second["IsDefaultVersion"]) == ("v2", False)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:ListBucket"), SetAsDefault=True)
    assert [version["VersionId"] for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == [
        "v3",
        "v2",
        "v1",
    ]
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]
    assert version["Document"] == json.loads(document("s3:PutObject"))
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v3")[0] == "DeleteConflict"
    assert refused(iam.get_policy_version, PolicyArn=arn, VersionId="v9")[0] == "NoSuchEntity"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v3")
    for _ in range(3):
        newest = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:*"))["PolicyVersion"]
    # A number is never given twice.
    assert newest["VersionId"] == "v6"
    assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=document("s3:*"))[0] == "LimitExceeded"
    assert refused(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    for version_id in ("v2", "v4", "v5", "v6"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version_id)
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.")


def test_documents_are_checked(iam: Any) -> None:
    for bad, message in (
        ("nonsense", "Syntax errors in policy."),
        (document("GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ):
        assert refused(iam.create_policy, PolicyName="p", PolicyDocument=bad) == ("MalformedPolicyDocument", message)
    large = json.loads(document("s3:*"))
    large["Statement"][0]["Action"] = ["s3:GetObject"] * 500
    assert refused(iam.create_policy, PolicyName="p", PolicyDocument=json.dumps(large))[0] == "LimitExceeded"


def test_awss_own(iam: Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["Path"], policy["PolicyId"]) == ("/service-role/", "ANPAJNCQGXC42545SKXIK")
    version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    [statement] = version["Document"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert len(iam.list_policy_versions(PolicyArn=arn)["Versions"]) == 1
    assert refused(iam.delete_policy, PolicyArn=arn)[0] == "AccessDenied"
    assert refused(iam.get_policy, PolicyArn="arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole")[0] == "NoSuchEntity"


def test_every_document_of_aws_is_well_formed() -> None:
    assert len(managed.catalog()) > 500
    for arn, policy in managed.catalog().items():
        assert parse(managed.document(arn), "identity").statements, arn
        assert arn == f"arn:aws:iam::aws:policy{policy['path']}{policy['name']}"
        assert len(policy["id"]) == 21
    assert len({policy["id"] for policy in managed.catalog().values()}) == len(managed.catalog())


def test_listing(iam: Any) -> None:
    own = [
        iam.create_policy(PolicyName=name, Path=path, PolicyDocument=document("s3:*"))["Policy"]["Arn"]
        for name, path in (("b", "/"), ("A", "/x/"), ("c", "/x/"))
    ]

    def listed(size: int, **params: Any) -> list[str]:
        pages = iam.get_paginator("list_policies").paginate(PaginationConfig={"PageSize": size}, **params)
        return [policy["Arn"] for page in pages for policy in page["Policies"]]

    assert listed(1, Scope="Local") == [own[1], own[0], own[2]]
    assert listed(2, Scope="Local", PathPrefix="/x/") == [own[1], own[2]]
    everything = listed(3)
    assert everything == listed(1000)
    assert everything[3:] == listed(7, Scope="AWS") == list(managed.catalog())
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in everything
    assert listed(5, OnlyAttached=True) == []
    assert all("/service-role/" in arn for arn in listed(2, Scope="AWS", PathPrefix="/service-role/"))
