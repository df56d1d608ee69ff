"""Roles and what hangs on them, as boto3 and the AWS CLI see them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}


def trust(principal: Any, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


LAMBDA = trust({"Service": "lambda.amazonaws.com"})


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def test_a_roles_life(iam: Any, cloud: Any, account: str) -> None:
    made = iam.create_role(
        RoleName="Thumbs",
        Path="/service-role/",
        AssumeRolePolicyDocument=LAMBDA,
        Description="makes thumbnails",
        Tags=[{"Key": "team", "Value": "a"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{account}:role/service-role/Thumbs"
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    assert made["MaxSessionDuration"] == 3600
    # boto3 undoes the percent-encoding and parses the document.
    assert made["AssumeRolePolicyDocument"] == json.loads(LAMBDA)
    got = iam.get_role(RoleName="thumbs")["Role"]
    assert {**got, "RoleLastUsed": None} == {**made, "RoleLastUsed": None}
    # IAM is global: another region sees the same role.
    assert cloud.client("iam", account=account, region="eu-west-1").get_role(RoleName="Thumbs")["Role"] == got
    assert refused(iam.create_role, RoleName="THUMBS", AssumeRolePolicyDocument=LAMBDA) == (
        "EntityAlreadyExists",
        "Role with name THUMBS already exists.",
    )
    iam.update_role(RoleName="Thumbs", Description="other", MaxSessionDuration=7200)
    iam.update_assume_role_policy(RoleName="Thumbs", PolicyDocument=trust({"AWS": account}))
    changed = iam.get_role(RoleName="Thumbs")["Role"]
    assert (changed["Description"], changed["MaxSessionDuration"]) == ("other", 7200)
    assert changed["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"AWS": account}
    iam.delete_role(RoleName="Thumbs")
    assert refused(iam.get_role, RoleName="Thumbs") == (
        "NoSuchEntity",
        "The role with name Thumbs cannot be found.",
    )


def test_errors_have_iams_status_and_shape(iam: Any) -> None:
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_role(RoleName="none")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ('{"Version": "2012-10-17", "Statement": []}', "Statement is empty"),
        (trust({"AWS": "nobody"}), 'Invalid principal in policy: "AWS":"nobody"'),
        (trust({"AWS": "arn:aws:iam::123456789012:role/gone"}), 'Invalid principal in policy: "AWS":"arn:aws:iam::'),
        (json.dumps(ALLOW), "prohibited field Resource|may only specify STS"),
    ],
)
def test_a_trust_policy_must_be_one(iam: Any, document: str, message: str) -> None:
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException, match=message):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=document)
    assert iam.list_roles()["Roles"] == []


def test_a_trust_policy_may_name_roles_that_exist(iam: Any) -> None:
    first = iam.create_role(RoleName="first", Path="/a/", AssumeRolePolicyDocument=LAMBDA)["Role"]["Arn"]
    iam.create_role(RoleName="second", AssumeRolePolicyDocument=trust({"AWS": first}))
    wrong_path = first.replace("/a/", "/b/")
    assert refused(iam.create_role, RoleName="third", AssumeRolePolicyDocument=trust({"AWS": [wrong_path]}))[0] == (
        "MalformedPolicyDocument"
    )


def test_a_trust_policy_has_a_limit(iam: Any, account: str) -> None:
    large = trust({"AWS": [account] * 200})
    assert refused(iam.create_role, RoleName="r", AssumeRolePolicyDocument=large) == (
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )


def test_roles_are_listed_by_path_and_page(iam: Any) -> None:
    for name, path in (("c", "/"), ("A", "/app/"), ("b", "/app/web/"), ("d", "/apple/"), ("e", "/zoo/")):
        iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=LAMBDA, Tags=[{"Key": "k", "Value": "v"}])

    def listed(size: int = 2, **params: Any) -> list[str]:
        pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": size}, **params)
        return [role["RoleName"] for page in pages for role in page["Roles"]]

    assert listed() == ["A", "b", "c", "d", "e"]
    assert listed(PathPrefix="/app/", size=1) == ["A", "b"]
    assert listed(PathPrefix="/app", size=1) == ["A", "b", "d"]
    assert listed(PathPrefix="/none/") == []
    page = iam.list_roles(MaxItems=5)
    assert page["IsTruncated"] is False
    assert "Tags" not in page["Roles"][0]
    assert refused(iam.list_roles, Marker="nonsense")[0] == "ValidationError"


def test_inline_policies(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    document = json.dumps({**ALLOW, "Statement": [{**ALLOW["Statement"][0], "Sid": "ü".encode().hex()}]}, indent=4)  # type: ignore[dict-item]
    for name in ("b", "a", "c"):
        iam.put_role_policy(RoleName="r", PolicyName=name, PolicyDocument=document)
    assert iam.get_role_policy(RoleName="r", PolicyName="a")["PolicyDocument"] == json.loads(document)
    pages = iam.get_paginator("list_role_policies").paginate(RoleName="r", PaginationConfig={"PageSize": 1})
    assert [name for page in pages for name in page["PolicyNames"]] == ["a", "b", "c"]
    assert refused(iam.put_role_policy, RoleName="r", PolicyName="x", PolicyDocument="{}")[0] == (
        "MalformedPolicyDocument"
    )
    assert refused(iam.delete_role, RoleName="r") == (
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    )
    for name in ("a", "b", "c"):
        iam.delete_role_policy(RoleName="r", PolicyName=name)
    assert refused(iam.get_role_policy, RoleName="r", PolicyName="a") == (
        "NoSuchEntity",
        "The role policy with name a cannot be found.",
    )
    many = {"Version": "2012-10-17", "Statement": [{**ALLOW["Statement"][0], "Action": ["s3:GetObject"] * 600}]}  # type: ignore[dict-item]
    iam.put_role_policy(RoleName="r", PolicyName="a", PolicyDocument=json.dumps(many, indent=8))
    assert refused(iam.put_role_policy, RoleName="r", PolicyName="b", PolicyDocument=json.dumps(many)) == (
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role r",
    )
    iam.put_role_policy(RoleName="r", PolicyName="a", PolicyDocument=json.dumps(many))


def test_attached_policies(iam: Any, account: str) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    for arn in (BASIC, own, own):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"] == [
        {"PolicyName": "own", "PolicyArn": own},
        {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC},
    ]
    only = iam.list_attached_role_policies(RoleName="r", PathPrefix="/service-role/")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in only] == [BASIC]
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    assert [role["RoleName"] for role in iam.list_entities_for_policy(PolicyArn=own)["PolicyRoles"]] == ["r"]
    unknown = "arn:aws:iam::aws:policy/NoSuchPolicy"
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn=unknown) == (
        "NoSuchEntity",
        f"Policy {unknown} does not exist or is not attachable.",
    )
    assert refused(iam.detach_role_policy, RoleName="r", PolicyArn=unknown)[1] == f"Policy {unknown} was not found."
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn="arn:aws:s3:::bucket/some/key")[0] == "InvalidInput"
    assert refused(iam.delete_policy, PolicyArn=own) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    assert refused(iam.delete_role, RoleName="r") == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    )
    for arn in (BASIC, own):
        iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    iam.delete_role(RoleName="r")
    iam.delete_policy(PolicyArn=own)
    # A successor of the same name has none of it.
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    assert iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"] == []


def test_ten_policies_and_no_more(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA)
    policies = iam.list_policies(Scope="AWS", MaxItems=30)["Policies"]
    arns = [policy["Arn"] for policy in policies if policy["IsAttachable"]][:11]
    for arn in arns[:10]:
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arns[0])
    assert refused(iam.attach_role_policy, RoleName="r", PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 10",
    )


def test_tags(iam: Any) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA, Tags=[{"Key": "One", "Value": "1"}])
    iam.tag_role(RoleName="r", Tags=[{"Key": "one", "Value": "2"}, {"Key": "two", "Value": "3"}])
    assert iam.list_role_tags(RoleName="r")["Tags"] == [{"Key": "one", "Value": "2"}, {"Key": "two", "Value": "3"}]
    page = iam.list_role_tags(RoleName="r", MaxItems=1)
    assert iam.list_role_tags(RoleName="r", Marker=page["Marker"])["Tags"] == [{"Key": "two", "Value": "3"}]
    iam.untag_role(RoleName="r", TagKeys=["ONE"])
    assert iam.get_role(RoleName="r")["Role"]["Tags"] == [{"Key": "two", "Value": "3"}]
    twice = [{"Key": "k", "Value": "1"}, {"Key": "K", "Value": "2"}]
    assert refused(iam.tag_role, RoleName="r", Tags=twice)[0] == "InvalidInput"
    many = [{"Key": f"k{n}", "Value": "x"} for n in range(50)]
    assert refused(iam.tag_role, RoleName="r", Tags=many)[0] == "LimitExceeded"


def test_a_boundary_must_exist(iam: Any) -> None:
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=LAMBDA, PermissionsBoundary=boundary)["Role"]
    assert role["PermissionsBoundary"] == {
        "PermissionsBoundaryType": "Policy",
        "PermissionsBoundaryArn": boundary,
    }
    assert refused(iam.create_role, RoleName="s", AssumeRolePolicyDocument=LAMBDA, PermissionsBoundary=boundary + "X")[
        0
    ] == ("NoSuchEntity")


def test_the_cli_makes_a_role(cloud: Any, account: str, tmp_path: Any) -> None:
    (tmp_path / "trust.json").write_text(LAMBDA)
    document = f"file://{tmp_path}/trust.json"
    names = ("--role-name", "cli")
    done = cloud.aws("iam", "create-role", *names, "--assume-role-policy-document", document, account=account)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Role"]["Arn"] == f"arn:aws:iam::{account}:role/cli"
    done = cloud.aws("iam", "attach-role-policy", *names, "--policy-arn", BASIC, account=account)
    assert (done.returncode, done.stdout) == (0, "")
    done = cloud.aws("iam", "get-role", "--role-name", "none", account=account)
    assert done.returncode != 0
    assert "(NoSuchEntity) when calling the GetRole operation: The role with name none cannot be found." in done.stderr


def test_unsigned_calls_are_refused(cloud: Any) -> None:
    request = urllib.request.Request(
        cloud.endpoint,
        data=b"Action=ListRoles&Version=2010-05-08",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in caught.value.read()
