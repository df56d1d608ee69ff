"""Groups, instance profiles and service-linked roles as records; what must be gone before what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def trust(service: str = "ec2.amazonaws.com") -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def test_a_groups_life(iam: Any, account: str) -> None:
    group = iam.create_group(GroupName="Admins", Path="/ops/")["Group"]
    assert group["Arn"] == f"arn:aws:iam::{account}:group/ops/Admins"
    assert group["GroupId"].startswith("AGPA")
    assert refused(iam.create_group, GroupName="ADMINS") == (
        "EntityAlreadyExists",
        "Group with name ADMINS already exists.",
    )
    for name in ("ada", "bob", "cid"):
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="admins", UserName=name)
    iam.add_user_to_group(GroupName="Admins", UserName="ada")
    pages = iam.get_paginator("get_group").paginate(GroupName="Admins", PaginationConfig={"PageSize": 2})
    assert sorted(user["UserName"] for page in pages for user in page["Users"]) == ["ada", "bob", "cid"]
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName="ada")["Groups"]] == ["Admins"]
    assert refused(iam.delete_group, GroupName="Admins") == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    assert refused(iam.delete_user, UserName="ada") == (
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    )
    for name in ("ada", "bob", "cid"):
        iam.remove_user_from_group(GroupName="Admins", UserName=name)
    assert refused(iam.remove_user_from_group, GroupName="Admins", UserName="ada")[0] == "NoSuchEntity"
    iam.attach_group_policy(GroupName="Admins", PolicyArn=READ_ONLY)
    assert [
        policy["PolicyArn"] for policy in iam.list_attached_group_policies(GroupName="Admins")["AttachedPolicies"]
    ] == [READ_ONLY]
    assert refused(iam.delete_group, GroupName="Admins")[1] == "Cannot delete entity, must detach all policies first."
    iam.detach_group_policy(GroupName="Admins", PolicyArn=READ_ONLY)
    iam.put_group_policy(GroupName="Admins", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    assert iam.get_group_policy(GroupName="Admins", PolicyName="p")["PolicyDocument"] == ALLOW
    assert refused(iam.delete_group, GroupName="Admins")[1] == "Cannot delete entity, must delete policies first."
    iam.delete_group_policy(GroupName="Admins", PolicyName="p")
    assert refused(iam.get_group_policy, GroupName="Admins", PolicyName="p") == (
        "NoSuchEntity",
        "The group policy with name p cannot be found.",
    )
    iam.update_group(GroupName="Admins", NewPath="/")
    assert [found["Path"] for found in iam.list_groups()["Groups"]] == ["/"]
    assert iam.list_groups(PathPrefix="/ops/")["Groups"] == []
    iam.delete_group(GroupName="Admins")
    assert refused(iam.get_group, GroupName="Admins") == (
        "NoSuchEntity",
        "The group with name Admins cannot be found.",
    )


def test_limits_of_users_and_groups(iam: Any) -> None:
    iam.create_user(UserName="u")
    for number in range(11):
        iam.create_group(GroupName=f"g{number:02}")
    for number in range(10):
        iam.add_user_to_group(GroupName=f"g{number:02}", UserName="u")
    assert refused(iam.add_user_to_group, GroupName="g10", UserName="u") == (
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerUser: 10",
    )
    pages = iam.get_paginator("list_groups_for_user").paginate(UserName="u", PaginationConfig={"PageSize": 3})
    assert sorted(group["GroupName"] for page in pages for group in page["Groups"]) == [f"g{n:02}" for n in range(10)]
    pages = iam.get_paginator("list_groups").paginate(PaginationConfig={"PageSize": 4})
    assert [group["GroupName"] for page in pages for group in page["Groups"]] == [f"g{n:02}" for n in range(11)]
    statement = {"Effect": "Allow", "Action": ["s3:GetObject"] * 120, "Resource": "*"}
    large = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    # White space does not count.
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(json.loads(large), indent=9))
    assert refused(iam.put_user_policy, UserName="u", PolicyName="q", PolicyDocument=large) == (
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user u",
    )
    for name in ("p", "q"):
        iam.put_group_policy(GroupName="g00", PolicyName=name, PolicyDocument=large)
    assert refused(iam.put_group_policy, GroupName="g00", PolicyName="r", PolicyDocument=large)[1] == (
        "Maximum policy size of 5120 bytes exceeded for group g00"
    )
    policies = [policy for policy in iam.list_policies(Scope="AWS")["Policies"] if policy["IsAttachable"]]
    for policy in policies[:10]:
        iam.attach_user_policy(UserName="u", PolicyArn=policy["Arn"])
        iam.attach_group_policy(GroupName="g00", PolicyArn=policy["Arn"])
    assert refused(iam.attach_user_policy, UserName="u", PolicyArn=policies[10]["Arn"]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerUser: 10",
    )
    assert refused(iam.attach_group_policy, GroupName="g00", PolicyArn=policies[10]["Arn"])[1] == (
        "Cannot exceed quota for PoliciesPerGroup: 10"
    )


def test_entities_of_a_policy_are_paged(iam: Any) -> None:
    for number in range(3):
        iam.create_user(UserName=f"u{number}", Path="/a/")
        iam.create_group(GroupName=f"g{number}")
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=trust())
        iam.attach_user_policy(UserName=f"u{number}", PolicyArn=READ_ONLY)
        iam.attach_group_policy(GroupName=f"g{number}", PolicyArn=READ_ONLY)
        iam.put_role_permissions_boundary(RoleName=f"r{number}", PermissionsBoundary=READ_ONLY)
    iam.put_user_permissions_boundary(UserName="u0", PermissionsBoundary=READ_ONLY)

    def listed(size: int, **params: Any) -> list[str]:
        pages = iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=READ_ONLY, PaginationConfig={"PageSize": size}, **params
        )
        return sorted(
            entity.get("UserName") or entity.get("GroupName") or entity["RoleName"]
            for page in pages
            for entity in page["PolicyUsers"] + page["PolicyGroups"] + page["PolicyRoles"]
        )

    everybody = ["g0", "g1", "g2", "r0", "r1", "r2", "u0", "u1", "u2"]
    assert listed(1) == listed(4) == listed(1000) == everybody
    assert listed(1, EntityFilter="User") == ["u0", "u1", "u2"]
    assert listed(2, PathPrefix="/a/") == ["u0", "u1", "u2"]
    assert listed(2, PolicyUsageFilter="PermissionsBoundary") == ["r0", "r1", "r2", "u0"]
    assert listed(5, PolicyUsageFilter="PermissionsPolicy", EntityFilter="Role") == []
    usage = iam.list_policies(PolicyUsageFilter="PermissionsBoundary")["Policies"]
    assert [(policy["Arn"], policy["PermissionsBoundaryUsageCount"]) for policy in usage] == [(READ_ONLY, 4)]


def test_instance_profiles(iam: Any, account: str) -> None:
    made = iam.create_instance_profile(InstanceProfileName="Web", Path="/app/", Tags=[{"Key": "k", "Value": "v"}])
    assert made["InstanceProfile"]["Arn"] == f"arn:aws:iam::{account}:instance-profile/app/Web"
    assert made["InstanceProfile"]["InstanceProfileId"].startswith("AIPA")
    assert refused(iam.create_instance_profile, InstanceProfileName="web") == (
        "EntityAlreadyExists",
        "Instance Profile web already exists.",
    )
    for name in ("Web", "Other"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    iam.add_role_to_instance_profile(InstanceProfileName="Web", RoleName="Web")
    assert refused(iam.add_role_to_instance_profile, InstanceProfileName="Web", RoleName="Other") == (
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    )
    [role] = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["Roles"]
    assert role["RoleName"] == "Web"
    assert iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="Web") is None
    [profile] = iam.list_instance_profiles_for_role(RoleName="Web")["InstanceProfiles"]
    assert profile["InstanceProfileName"] == "Web"
    assert [found["InstanceProfileName"] for found in iam.list_instance_profiles()["InstanceProfiles"]] == ["Web"]
    in_the_way = ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    assert refused(iam.delete_role, RoleName="Web") == in_the_way
    assert refused(iam.delete_instance_profile, InstanceProfileName="Web") == in_the_way
    assert refused(iam.remove_role_from_instance_profile, InstanceProfileName="Web", RoleName="Other")[0] == (
        "NoSuchEntity"
    )
    iam.remove_role_from_instance_profile(InstanceProfileName="Web", RoleName="Web")
    iam.delete_role(RoleName="Web")
    iam.delete_instance_profile(InstanceProfileName="Web")
    assert refused(iam.get_instance_profile, InstanceProfileName="Web") == (
        "NoSuchEntity",
        "Instance Profile Web cannot be found.",
    )


def test_service_linked_roles(iam: Any, account: str) -> None:
    role = iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")["Role"]
    name = "AWSServiceRoleForECS"
    assert role["Arn"] == f"arn:aws:iam::{account}:role/aws-service-role/ecs.amazonaws.com/{name}"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ecs.amazonaws.com"}
    [policy] = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert policy["PolicyName"] == "AmazonECSServiceRolePolicy"
    assert refused(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com") == (
        "InvalidInput",
        f"Service role name {name} has been taken in this account, please try a different suffix.",
    )
    protected = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    for call, params in (
        (iam.delete_role, {}),
        (iam.attach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.detach_role_policy, {"PolicyArn": policy["PolicyArn"]}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": json.dumps(ALLOW)}),
        (iam.update_assume_role_policy, {"PolicyDocument": trust()}),
    ):
        assert refused(call, RoleName=name, **params) == ("UnmodifiableEntity", protected)
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=trust())
    assert refused(iam.attach_role_policy, RoleName="mine", PolicyArn=policy["PolicyArn"]) == (
        "PolicyNotAttachable",
        "Cannot attach a Service Role Policy to a Customer Role.",
    )
    second = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="x")["Role"]
    assert second["RoleName"] == "AWSServiceRoleForAutoScaling_x"
    assert refused(iam.create_service_linked_role, AWSServiceName="rds.amazonaws.com", CustomSuffix="x") == (
        "InvalidInput",
        "Custom suffix is not allowed for rds.amazonaws.com",
    )
    assert refused(iam.create_service_linked_role, AWSServiceName="none.amazonaws.com")[0] == "InvalidInput"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(iam.get_role, RoleName=name)[0] == "NoSuchEntity"
    assert refused(iam.get_service_linked_role_deletion_status, DeletionTaskId=task + "0")[0] == "NoSuchEntity"
    assert refused(iam.delete_service_linked_role, RoleName="mine")[0] == "InvalidInput"
    assert refused(iam.create_role, RoleName="x", Path="/aws-service-role/x/", AssumeRolePolicyDocument=trust())[0] == (
        "InvalidInput"
    )


@pytest.mark.parametrize("kind", ["user", "policy", "instance_profile", "open_id_connect_provider", "virtual_mfa"])
def test_tags_of_everything(iam: Any, account: str, kind: str) -> None:
    name: dict[str, str] = {"UserName": "x"}
    if kind == "user":
        iam.create_user(**name)
    elif kind == "policy":
        made = iam.create_policy(PolicyName="x", PolicyDocument=json.dumps(ALLOW))["Policy"]
        name = {"PolicyArn": made["Arn"]}
    elif kind == "instance_profile":
        name = {"InstanceProfileName": "x"}
        iam.create_instance_profile(**name)
    elif kind == "open_id_connect_provider":
        made = iam.create_open_id_connect_provider(Url="https://id.example.com")
        name = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    else:
        kind = "mfa_device"
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName="x")["VirtualMFADevice"]
        name = {"SerialNumber": made["SerialNumber"]}
    call = {verb: getattr(iam, f"{verb}_{kind}") for verb in ("tag", "untag")}
    listed = getattr(iam, f"list_{kind}_tags")
    call["tag"](**name, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}])
    assert listed(**name)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}]
    page = listed(**name, MaxItems=1)
    assert page["IsTruncated"]
    assert listed(**name, Marker=page["Marker"])["Tags"] == [{"Key": "b", "Value": "1"}]
    call["untag"](**name, TagKeys=["A"])
    assert listed(**name)["Tags"] == [{"Key": "b", "Value": "1"}]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(call["tag"], **name, Tags=many)[0] == "LimitExceeded"


def test_awss_own_policies_are_not_tagged(iam: Any) -> None:
    assert refused(iam.tag_policy, PolicyArn=READ_ONLY, Tags=[{"Key": "a", "Value": "b"}])[0] == "AccessDenied"
