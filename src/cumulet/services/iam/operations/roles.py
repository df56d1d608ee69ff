"""Roles: create, read, change, tag, delete."""

from __future__ import annotations

from typing import Any

from cumulet.base.errors import AwsError
from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def create_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateRole'."""
    name = req["RoleName"]
    if state.entity(ctx, "role", name) is not None:
        raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
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
    boundary = rules.boundary(ctx, req)
    if boundary is not None:
        record["boundary"] = boundary
    state.create(ctx, "role", record)
    return {"Role": described(ctx, record)}


@operation
def get_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    return {"Role": {**described(ctx, role), "RoleLastUsed": {}}}


@operation
def list_roles(ctx: Context, req: Json) -> Json:
    """By name, or by path where a PathPrefix is given. Tags and boundaries are left out, as on AWS.

    See IAM API Reference, 'ListRoles'.
    """
    prefix = req.get("PathPrefix", "/")
    roles, _ = state.entities(ctx, "role", prefix, rules.marker(req), rules.page_size(req))
    page = rules.paged("Roles", roles, req, lambda role: place(role, prefix))
    hidden = ("Tags", "PermissionsBoundary")
    page["Roles"] = [
        {key: value for key, value in described(ctx, role).items() if key not in hidden} for role in page["Roles"]
    ]
    return page


@operation
def update_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'UpdateRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    given = _given(req, Description="description", MaxSessionDuration="duration", MaxSigninSessionDuration="signin")
    changed = {**role, **given}
    if req.get("ResetMaxSigninSessionDuration"):
        changed.pop("signin", None)
    state.put(ctx, "role", changed)
    return {}


@operation
def update_role_description(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'UpdateRoleDescription'."""
    role = {**rules.existing(ctx, "role", req["RoleName"]), "description": req["Description"]}
    state.put(ctx, "role", role)
    return {"Role": described(ctx, role)}


@operation
def update_assume_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UpdateAssumeRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    rules.check_trust(ctx, req["PolicyDocument"])
    state.put(ctx, "role", {**role, "trust": req["PolicyDocument"]})


@operation
def delete_role(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    if state.attached(ctx, role, "", 1):
        raise rules.conflict("Cannot delete entity, must detach all policies first.")
    if state.inlines(ctx, role, "", 1):
        raise rules.conflict("Cannot delete entity, must delete policies first.")
    state.drop(ctx, "role", role)


@operation
def tag_role(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    state.put(ctx, "role", {**role, "tags": rules.merged_tags(role["tags"], req["Tags"])})


@operation
def untag_role(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    state.put(ctx, "role", {**role, "tags": rules.without_tags(role["tags"], req["TagKeys"])})


@operation
def list_role_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListRoleTags'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    past = rules.marker(req)
    tags = sorted(role["tags"], key=lambda tag: str(tag["Key"]))
    return rules.paged("Tags", [tag for tag in tags if tag["Key"] > past], req, lambda tag: str(tag["Key"]))


def described(ctx: Context, role: Json) -> Json:
    """A role as IAM shows it."""
    shown = {
        "Path": role["path"],
        "RoleName": role["name"],
        "RoleId": role["id"],
        "Arn": rules.make_arn(ctx, "role", role),
        "CreateDate": role["created"],
        "AssumeRolePolicyDocument": rules.escaped(role["trust"]),
        "MaxSessionDuration": role["duration"],
        **rules.described_boundary(role),
    }
    if role.get("description"):
        shown["Description"] = role["description"]
    if "signin" in role:
        shown["MaxSigninSessionDuration"] = role["signin"]
    if role["tags"]:
        shown["Tags"] = role["tags"]
    return shown


def place(record: Json, prefix: str) -> str:
    """Where an entity stands in a listing of `prefix`; see state.entities."""
    name = str(record["name"]).lower()
    return name if prefix == "/" else f"{record['path']}{name}"


def _given(req: Json, **names: str) -> dict[str, Any]:
    return {ours: req[theirs] for theirs, ours in names.items() if theirs in req}
