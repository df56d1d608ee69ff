"""Roles: create, read, change, delete."""

from __future__ import annotations

from typing import Any

from cumulet.base.errors import AwsError
from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from . import describe


@operation
def create_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateRole'."""
    name = req["RoleName"]
    rules.check_free(ctx, "role", name)
    if req.get("Path", "/").startswith(rules.SERVICE_PATH):
        raise AwsError("InvalidInput", f"Path {req['Path']} is reserved for service-linked roles.", 400)
    rules.check_trust(ctx, req["AssumeRolePolicyDocument"])
    rules.check_quota(ctx, "role")
    record = {
        "name": name,
        "id": unique_id("AROA"),
        "path": req.get("Path", "/"),
        "created": int(ctx.now),
        "trust": req["AssumeRolePolicyDocument"],
        "duration": req.get("MaxSessionDuration", 3600),
        "tags": rules.merged_tags([], req.get("Tags", [])),
        **_given(req, Description="description", MaxSigninSessionDuration="signin"),
    }
    state.create(ctx, "role", record)
    record = rules.set_boundary(ctx, "role", record, rules.boundary(ctx, req))
    return {"Role": describe.role(ctx, record)}


@operation
def get_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    return {"Role": {**describe.role(ctx, role), "RoleLastUsed": {}}}


@operation
def list_roles(ctx: Context, req: Json) -> Json:
    """By name, or by path where a PathPrefix is given. Tags and boundaries are left out, as on AWS.

    See IAM API Reference, 'ListRoles'.
    """
    return rules.listing(ctx, "role", "Roles", req, lambda ctx, role: describe.role(ctx, role, brief=True))


@operation
def update_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'UpdateRole'."""
    role = rules.changeable(ctx, "role", req["RoleName"])
    given = _given(req, Description="description", MaxSessionDuration="duration", MaxSigninSessionDuration="signin")
    changed = {**role, **given}
    if req.get("ResetMaxSigninSessionDuration"):
        changed.pop("signin", None)
    state.put(ctx, "role", changed)
    return {}


@operation
def update_role_description(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'UpdateRoleDescription'."""
    role = {**rules.changeable(ctx, "role", req["RoleName"]), "description": req["Description"]}
    state.put(ctx, "role", role)
    return {"Role": describe.role(ctx, role)}


@operation
def update_assume_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UpdateAssumeRolePolicy'."""
    role = rules.changeable(ctx, "role", req["RoleName"])
    rules.check_trust(ctx, req["PolicyDocument"])
    state.put(ctx, "role", {**role, "trust": req["PolicyDocument"]})


@operation
def delete_role(ctx: Context, req: Json) -> None:
    """Its credentials are worthless from the commit on. See IAM API Reference, 'DeleteRole'."""
    role = rules.changeable(ctx, "role", req["RoleName"])
    if state.parts(ctx, "profile", role["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must remove roles from instance profile first.")
    rules.check_no_policies(ctx, role)
    rules.unbind(ctx, "role", role)
    state.drop(ctx, "role", role)
    authority.withdraw(ctx, "role", role["name"])


def _given(req: Json, **names: str) -> dict[str, Any]:
    return {ours: req[theirs] for theirs, ours in names.items() if theirs in req}
