"""Whatever happens to users, groups and roles, in whichever order: the kernel's grants say what IAM says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.app import make_registry
from cumulet.auth import grants
from cumulet.base import context as principals
from cumulet.base import paging
from cumulet.base.errors import AwsError
from cumulet.base.ids import request_id
from cumulet.base.types import Json
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.services.iam import managed, rules
from cumulet.store import memory

ACCOUNT = "111122223333"
AWS_OWN = [f"arn:aws:iam::aws:policy/{name}" for name in ("ReadOnlyAccess", "AmazonSQSFullAccess")]
OWN = f"arn:aws:iam::{ACCOUNT}:policy/own"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
    }
)


def document(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


class Iam:
    """IAM in this process."""

    def __init__(self) -> None:
        kv, blobs = memory.open()

        def no_functions(_machine: Machine) -> Any:
            raise AssertionError("no functions here")

        self.kernel = Kernel(Machine(Settings(ephemeral=True), kv, blobs, no_functions), make_registry())

    def __call__(self, operation: str, **params: Any) -> Json:
        ctx = Context(self.kernel, "iam", principals.root(ACCOUNT), ACCOUNT, "us-east-1", request_id())
        return ctx.transact(lambda inside: inside.call("iam", operation, params))

    def grants(self, kind: grants.Kind, name: str) -> grants.Grants | None:
        return grants.of(self.kernel.machine.kv.begin(), ACCOUNT, kind, name)


names = st.sampled_from(["a", "a", "B", "c"])
kinds = st.sampled_from(["User", "Group", "Role"])
actions = st.sampled_from(["s3:*", "sqs:*"])


def _on(kind: str, name: str, operation: str, **params: Any) -> tuple[str, Json]:
    return operation.replace("X", kind), {f"{kind}Name": name, **params}


def _simple(operation: str) -> st.SearchStrategy[tuple[str, Json]]:
    return st.builds(lambda kind, name: _on(kind, name, operation), kinds, names)


tags = st.sampled_from([{"Tags": [{"Key": "t", "Value": "1"}]}, {"Tags": [{"Key": "T", "Value": "2"}]}])
policies = st.sampled_from([AWS_OWN[0], OWN])
steps = st.one_of(
    _simple("CreateX"),
    _simple("DeleteX"),
    _simple("DeleteXPermissionsBoundary"),
    st.builds(
        lambda kind, name, action: _on(kind, name, "PutXPolicy", PolicyName="p", PolicyDocument=document(action)),
        kinds,
        names,
        actions,
    ),
    st.builds(lambda kind, name: _on(kind, name, "DeleteXPolicy", PolicyName="p"), kinds, names),
    st.builds(lambda kind, name, arn: _on(kind, name, "AttachXPolicy", PolicyArn=arn), kinds, names, policies),
    st.builds(lambda kind, name, arn: _on(kind, name, "DetachXPolicy", PolicyArn=arn), kinds, names, policies),
    st.builds(
        lambda kind, name, arn: _on(kind, name, "PutXPermissionsBoundary", PermissionsBoundary=arn),
        kinds,
        names,
        policies,
    ),
    st.builds(lambda kind, name, given_: _on(kind, name, "TagX", **given_), kinds, names, tags),
    st.builds(lambda kind, name: _on(kind, name, "UntagX", TagKeys=["t"]), kinds, names),
    st.builds(lambda kind, old, new: _on(kind, old, "UpdateX", **{f"New{kind}Name": new}), kinds, names, names),
    st.builds(lambda group, user: ("AddUserToGroup", {"GroupName": group, "UserName": user}), names, names),
    st.builds(lambda group, user: ("RemoveUserFromGroup", {"GroupName": group, "UserName": user}), names, names),
    st.builds(
        lambda action: (
            "CreatePolicyVersion",
            {"PolicyArn": OWN, "PolicyDocument": document(action), "SetAsDefault": True},
        ),
        actions,
    ),
    st.builds(lambda number: ("SetDefaultPolicyVersion", {"PolicyArn": OWN, "VersionId": f"v{number}"}), st.just(1)),
    st.just(("DeletePolicy", {"PolicyArn": OWN})),
)

_IMPOSSIBLE = {"PutGroupPermissionsBoundary", "DeleteGroupPermissionsBoundary", "TagGroup", "UntagGroup"}


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=40, max_size=80))
def test_grants_are_what_iam_says(walk: list[tuple[str, Json]]) -> None:
    iam = Iam()
    iam("CreatePolicy", PolicyName="own", PolicyDocument=document("s3:*"))
    for name in ("a", "B"):
        iam("CreateUser", UserName=name)
        iam("CreateGroup", GroupName=name)
        iam("CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)
    for operation, params in walk:
        if operation == "CreateRole":
            params = {**params, "AssumeRolePolicyDocument": TRUST}
        if operation in _IMPOSSIBLE or (operation == "UpdateRole"):
            continue
        try:
            iam(operation, **params)
        except AwsError as err:
            assert err.code in ("NoSuchEntity", "EntityAlreadyExists", "DeleteConflict", "LimitExceeded"), err
        for kind in ("User", "Group", "Role"):
            if f"{kind}Name" in params:
                _compare(iam, kind, params[f"{kind}Name"])
    for kind in ("User", "Group", "Role"):
        for name in ("a", "B", "c"):
            _compare(iam, kind, name)
    _compare_policy(iam)


def _compare(iam: Iam, kind: str, name: str) -> None:
    lowered: Any = kind.lower()
    found = iam.grants(lowered, name)
    try:
        entity = iam(f"Get{kind}", **{f"{kind}Name": name})[kind]
    except AwsError:
        assert found is None
        return
    assert found is not None
    who = {f"{kind}Name": name}
    assert found.id == entity[f"{kind}Id"]
    inline = iam(f"List{kind}Policies", **who)["PolicyNames"]
    assert [policy.name for policy in found.inline] == [f"{lowered}/{entity[f'{kind}Name']}/{one}" for one in inline]
    attached = iam(f"ListAttached{kind}Policies", **who)["AttachedPolicies"]
    assert list(found.attached) == [policy["PolicyArn"] for policy in attached]
    assert found.boundary == entity.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    assert found.tags == {tag["Key"]: tag["Value"] for tag in entity.get("Tags", ())}
    reader = iam.kernel.machine.kv.begin()
    for arn in [*found.attached, *filter(None, [found.boundary])]:
        known = grants.policy(reader, arn)
        assert known is not None
        assert known.policy.statements
    if kind == "User":
        groups = iam("ListGroupsForUser", **who)["Groups"]
        assert sorted(found.groups) == sorted(group["GroupName"] for group in groups)


def _compare_policy(iam: Iam) -> None:
    known = grants.policy(iam.kernel.machine.kv.begin(), OWN)
    try:
        version = iam("GetPolicy", PolicyArn=OWN)["Policy"]["DefaultVersionId"]
    except AwsError:
        assert known is None
        return
    assert known is not None
    shown = iam("GetPolicyVersion", PolicyArn=OWN, VersionId=version)["PolicyVersion"]["Document"]
    assert known.policy.statements[0].source["Action"] in shown.replace("%3A", ":").replace("%2A", "*")


def test_awss_documents_are_published_once(monkeypatch: pytest.MonkeyPatch) -> None:
    iam = Iam()
    iam("CreateUser", UserName="a")
    iam("AttachUserPolicy", UserName="a", PolicyArn=AWS_OWN[0])
    iam("DetachUserPolicy", UserName="a", PolicyArn=AWS_OWN[0])
    monkeypatch.setattr(managed, "document", lambda _arn: pytest.fail("unpacked again"))
    iam("AttachUserPolicy", UserName="a", PolicyArn=AWS_OWN[0])


@pytest.mark.parametrize(
    ("kind", "operation", "params", "message"),
    [
        ("user", "CreateUser", {"UserName": "x"}, "Cannot exceed quota for UsersPerAccount: 0"),
        ("group", "CreateGroup", {"GroupName": "x"}, "Cannot exceed quota for GroupsPerAccount: 0"),
        (
            "role",
            "CreateRole",
            {"RoleName": "x", "AssumeRolePolicyDocument": TRUST},
            "Cannot exceed quota for RolesPerAccount: 0",
        ),
        (
            "policy",
            "CreatePolicy",
            {"PolicyName": "x", "PolicyDocument": document("s3:*")},
            "Cannot exceed quota for PoliciesPerAccount: 0",
        ),
        (
            "instance-profile",
            "CreateInstanceProfile",
            {"InstanceProfileName": "x"},
            "Cannot exceed quota for InstanceProfilesPerAccount: 0",
        ),
        ("oidc-provider", "CreateOpenIDConnectProvider", {"Url": "https://x"}, "Cannot exceed quota for OpenIdConnect"),
        (
            "mfa",
            "CreateVirtualMFADevice",
            {"VirtualMFADeviceName": "x"},
            "Cannot exceed quota for MFADevicesPerAccount",
        ),
        ("role", "CreateServiceLinkedRole", {"AWSServiceName": "ecs.amazonaws.com"}, "RolesPerAccount"),
    ],
)
def test_quotas_of_an_account(
    monkeypatch: pytest.MonkeyPatch, kind: str, operation: str, params: Json, message: str
) -> None:
    monkeypatch.setitem(rules.QUOTAS, kind, 0)
    with pytest.raises(AwsError, match=message) as caught:
        Iam()(operation, **params)
    assert (caught.value.code, caught.value.status) == ("LimitExceeded", 409)


@given(st.text(max_size=30))
@settings(max_examples=30, deadline=None)
def test_markers_that_nobody_gave_out(text: str) -> None:
    iam = Iam()
    for operation, params in (
        ("ListUsers", {}),
        ("ListRoles", {"PathPrefix": "/a/"}),
        ("ListPolicies", {}),
        ("ListEntitiesForPolicy", {"PolicyArn": AWS_OWN[0]}),
        ("ListPolicyVersions", {"PolicyArn": AWS_OWN[0]}),
    ):
        for marker in (text, paging.encode(text.encode(errors="replace"))):
            try:
                iam(operation, Marker=marker, **params)
            except AwsError as err:
                assert err.code == "ValidationError"
