"""What IAM is for: a change of policies, groups, boundaries or tags takes effect at once, and so does a deletion."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def document(action: Any, effect: str = "Allow", resource: str = "*", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def may(call: Callable[..., Any], **params: Any) -> bool:
    try:
        call(**params)
    except ClientError as err:
        assert err.response["Error"]["Code"] == "AccessDenied", err
        return False
    return True


def using(cloud: Any, service: str, key: dict[str, Any]) -> Any:
    return cloud.client(
        service,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
    )


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


@pytest.fixture
def ada(iam: Any, cloud: Any) -> Any:
    """IAM as the user ada sees it, who may do nothing yet."""
    iam.create_user(UserName="ada", Path="/team/")
    return using(cloud, "iam", iam.create_access_key(UserName="ada")["AccessKey"])


def test_inline_policies(iam: Any, ada: Any) -> None:
    assert not may(ada.list_users)
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document("iam:ListUsers"))
    assert may(ada.list_users)
    assert not may(ada.list_roles)
    iam.put_user_policy(UserName="ada", PolicyName="q", PolicyDocument=document("iam:*", "Deny"))
    assert not may(ada.list_users)
    iam.delete_user_policy(UserName="ada", PolicyName="q")
    assert may(ada.list_users)
    assert iam.list_user_policies(UserName="ada")["PolicyNames"] == ["p"]
    assert iam.get_user_policy(UserName="ada", PolicyName="p")["PolicyDocument"] == json.loads(
        document("iam:ListUsers")
    )


def test_arns_hold_paths(iam: Any, ada: Any, account: str) -> None:
    own = f"arn:aws:iam::{account}:user/team/${{aws:username}}"
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document("iam:GetUser", resource=own))
    assert may(ada.get_user)
    assert may(ada.get_user, UserName="ada")
    iam.create_user(UserName="bob", Path="/team/")
    assert not may(ada.get_user, UserName="bob")


def test_managed_policies_and_their_versions(iam: Any, ada: Any) -> None:
    iam.attach_user_policy(UserName="ada", PolicyArn=READ_ONLY)
    assert may(ada.list_users)
    assert not may(ada.create_group, GroupName="g")
    iam.detach_user_policy(UserName="ada", PolicyArn=READ_ONLY)
    assert not may(ada.list_users)
    own = iam.create_policy(PolicyName="own", PolicyDocument=document("iam:ListRoles"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ada", PolicyArn=own)
    assert may(ada.list_roles)
    iam.create_policy_version(PolicyArn=own, PolicyDocument=document("iam:ListGroups"))
    assert not may(ada.list_groups)
    iam.set_default_policy_version(PolicyArn=own, VersionId="v2")
    assert may(ada.list_groups)
    assert not may(ada.list_roles)
    iam.create_policy_version(PolicyArn=own, PolicyDocument=document("iam:ListRoles"), SetAsDefault=True)
    assert may(ada.list_roles)


def test_groups(iam: Any, ada: Any) -> None:
    iam.create_group(GroupName="Readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document("iam:ListUsers"))
    iam.add_user_to_group(GroupName="Readers", UserName="ada")
    assert may(ada.list_users)
    iam.attach_group_policy(GroupName="Readers", PolicyArn=READ_ONLY)
    assert may(ada.list_roles)
    iam.update_group(GroupName="Readers", NewGroupName="Lectors")
    assert may(ada.list_roles)
    # A group that takes over the old name has nothing to do with ada.
    iam.create_group(GroupName="Readers")
    iam.put_group_policy(GroupName="Readers", PolicyName="p", PolicyDocument=document("iam:*", "Deny"))
    assert may(ada.list_roles)
    iam.delete_group_policy(GroupName="Lectors", PolicyName="p")
    iam.detach_group_policy(GroupName="Lectors", PolicyArn=READ_ONLY)
    assert not may(ada.list_users)
    iam.attach_group_policy(GroupName="Lectors", PolicyArn=ADMIN)
    assert may(ada.list_users)
    iam.remove_user_from_group(GroupName="Lectors", UserName="ada")
    assert not may(ada.list_users)


def test_boundaries_cap(iam: Any, ada: Any, account: str) -> None:
    iam.attach_user_policy(UserName="ada", PolicyArn=ADMIN)
    own = iam.create_policy(PolicyName="cap", PolicyDocument=document("iam:List*"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ada", PermissionsBoundary=own)
    assert iam.get_user(UserName="ada")["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == own
    assert iam.get_policy(PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    assert may(ada.list_users)
    assert not may(ada.get_user)
    bounded = iam.list_entities_for_policy(PolicyArn=own, PolicyUsageFilter="PermissionsBoundary")
    assert [user["UserName"] for user in bounded["PolicyUsers"]] == ["ada"]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=own)
    iam.put_user_permissions_boundary(UserName="ada", PermissionsBoundary=READ_ONLY)
    assert may(ada.get_user)
    assert not may(ada.create_group, GroupName="g")
    iam.delete_policy(PolicyArn=own)
    iam.delete_user_permissions_boundary(UserName="ada")
    assert may(ada.create_group, GroupName="g")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_user_permissions_boundary(UserName="ada")


def test_who_must_set_a_boundary(iam: Any, ada: Any) -> None:
    condition = {"StringEquals": {"iam:PermissionsBoundary": READ_ONLY}}
    policy = document(["iam:CreateUser", "iam:AttachUserPolicy"], Condition=condition)
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=policy)
    assert not may(ada.create_user, UserName="bob")
    assert may(ada.create_user, UserName="bob", PermissionsBoundary=READ_ONLY)
    assert may(ada.attach_user_policy, UserName="bob", PolicyArn=ADMIN)
    assert not may(ada.attach_user_policy, UserName="ada", PolicyArn=ADMIN)


def test_tags_are_condition_keys(iam: Any, ada: Any) -> None:
    mine = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document("iam:GetUser", Condition=mine))
    iam.create_user(UserName="bob", Tags=[{"Key": "team", "Value": "blue"}])
    assert not may(ada.get_user, UserName="bob")
    iam.tag_user(UserName="ada", Tags=[{"Key": "Team", "Value": "blue"}])
    assert may(ada.get_user, UserName="bob")
    iam.untag_user(UserName="ada", TagKeys=["team"])
    assert not may(ada.get_user, UserName="bob")
    only = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document("iam:TagUser", Condition=only))
    assert may(ada.tag_user, UserName="bob", Tags=[{"Key": "team", "Value": "red"}])
    assert not may(ada.tag_user, UserName="bob", Tags=[{"Key": "cost", "Value": "1"}])


def test_a_renamed_user_keeps_keys_and_rights(iam: Any, ada: Any, cloud: Any, account: str) -> None:
    iam.attach_user_policy(UserName="ada", PolicyArn=READ_ONLY)
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="ada")
    iam.update_user(UserName="ada", NewUserName="Lovelace", NewPath="/")
    user = ada.get_user()["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/Lovelace"
    assert [member["UserName"] for member in iam.get_group(GroupName="g")["Users"]] == ["Lovelace"]
    listed = iam.list_entities_for_policy(PolicyArn=READ_ONLY)["PolicyUsers"]
    assert listed == [{"UserName": "Lovelace", "UserId": user["UserId"]}]
    iam.create_user(UserName="ada")
    assert iam.list_attached_user_policies(UserName="ada")["AttachedPolicies"] == []
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.update_user(UserName="ada", NewUserName="lovelace")


def test_a_deleted_role_takes_its_sessions_along(iam: Any, cloud: Any, account: str) -> None:
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}],
        }
    )
    arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="r", PolicyArn=ADMIN)
    sts = cloud.client("sts", account=account)
    issued = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    session = using(cloud, "iam", issued)
    assert may(session.list_users)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3FullAccess")
    assert not may(session.list_users)
    iam.delete_role_permissions_boundary(RoleName="r")
    assert may(session.list_users)
    iam.detach_role_policy(RoleName="r", PolicyArn=ADMIN)
    iam.delete_role(RoleName="r")
    dead = using(cloud, "sts", issued)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        dead.get_caller_identity()
    # Nor is the successor of the same name the role that the session was of.
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust)
    iam.attach_role_policy(RoleName="r", PolicyArn=ADMIN)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        session.list_users()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        dead.assume_role(RoleArn=arn, RoleSessionName="me")


def test_passing_a_role_to_instances_is_a_right(iam: Any, ada: Any, account: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    iam.create_instance_profile(InstanceProfileName="p")
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=document("iam:AddRoleToInstanceProfile"))
    assert not may(ada.add_role_to_instance_profile, InstanceProfileName="p", RoleName="r")
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    role = f"arn:aws:iam::{account}:role/r"
    iam.put_user_policy(
        UserName="ada", PolicyName="q", PolicyDocument=document("iam:PassRole", resource=role, Condition=to_ec2)
    )
    assert may(ada.add_role_to_instance_profile, InstanceProfileName="p", RoleName="r")
