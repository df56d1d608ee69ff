"""Every operation of IAM and STS says what it needs, of any request at all."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.app import make_registry
from cumulet.base import context as principals
from cumulet.base.ids import request_id
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.service import squash
from cumulet.services import iam, sts
from cumulet.store import memory


@pytest.fixture(scope="module")
def context() -> Context:
    kv, blobs = memory.open()

    def no_functions(_machine: Machine) -> Any:
        raise AssertionError("no functions here")

    kernel = Kernel(Machine(Settings(ephemeral=True), kv, blobs, no_functions), make_registry())
    who = principals.Principal("user", "111122223333", "arn:aws:iam::111122223333:user/x/ada", "AIDAX", "ada")
    return Context(kernel, "iam", who, who.account, "us-east-1", request_id())


@pytest.mark.parametrize("service", [iam, sts])
def test_every_operation_has_a_row_and_every_row_an_operation(service: Any) -> None:
    operations = {name for name, handler in service.service.operations.items() if not handler.internal}
    assert {squash(name) for name in service.access.TABLE} == operations


@pytest.mark.parametrize("service", [iam, sts])
def test_requests_that_lack_everything_are_judged_too(service: Any, context: Context) -> None:
    for name, row in service.access.TABLE.items():
        for what in row.checks(context, {}):
            assert what.action, name


@pytest.mark.parametrize(
    ("operation", "request_", "resource"),
    [
        ("GetUser", {}, "arn:aws:iam::111122223333:user/x/ada"),
        ("GetUser", {"UserName": "bob"}, "arn:aws:iam::111122223333:user/bob"),
        ("CreateRole", {"RoleName": "r", "Path": "/a/"}, "arn:aws:iam::111122223333:role/a/r"),
        ("ListUsers", {}, "arn:aws:iam::111122223333:user/"),
        ("ListRoles", {"PathPrefix": "/a/"}, "arn:aws:iam::111122223333:role/a/"),
        ("ListPolicies", {}, "policy path /"),
        ("GetAccountSummary", {}, "*"),
        (
            "CreateServiceLinkedRole",
            {"AWSServiceName": "ecs.amazonaws.com"},
            "arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
        ),
        (
            "CreateOpenIDConnectProvider",
            {"Url": "https://id.example.com/x"},
            "arn:aws:iam::111122223333:oidc-provider/id.example.com/x",
        ),
        ("CreateSAMLProvider", {"Name": "Corp"}, "arn:aws:iam::111122223333:saml-provider/Corp"),
    ],
)
def test_resources(context: Context, operation: str, request_: dict[str, Any], resource: str) -> None:
    [what] = iam.access.TABLE[operation].checks(context, request_)
    assert (what.action, what.resource) == (f"iam:{operation}", resource)


def test_keys(context: Context) -> None:
    tags = [{"Key": "Team", "Value": "a"}]
    request_ = {"RoleName": "r", "Tags": tags, "PermissionsBoundary": "arn:aws:iam::aws:policy/X"}
    [what] = iam.access.TABLE["CreateRole"].checks(context, request_)
    keys = what.keys() if callable(what.keys) else what.keys
    assert keys == {
        "aws:RequestTag/Team": "a",
        "aws:TagKeys": ["Team"],
        "iam:PermissionsBoundary": "arn:aws:iam::aws:policy/X",
    }
    [what, passing] = iam.access.TABLE["AddRoleToInstanceProfile"].checks(context, {"RoleName": "r"})
    assert (passing.action, passing.resource) == ("iam:PassRole", "arn:aws:iam::111122223333:role/r")
