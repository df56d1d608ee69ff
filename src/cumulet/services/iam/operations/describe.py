"""Entities as IAM shows them. `brief`: as listings do, without tags and boundaries."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context

from .. import rules, state


def user(ctx: Context, record: Json, *, brief: bool = False) -> Json:
    """A User."""
    shown = {
        "Path": record["path"],
        "UserName": record["name"],
        "UserId": record["id"],
        "Arn": rules.make_arn(ctx, "user", record),
        "CreateDate": record["created"],
    }
    if "signed_in" in record:
        shown["PasswordLastUsed"] = record["signed_in"]
    return shown if brief else {**shown, **_boundary(record), **_tags(record)}


def group(ctx: Context, record: Json) -> Json:
    """A Group."""
    return {
        "Path": record["path"],
        "GroupName": record["name"],
        "GroupId": record["id"],
        "Arn": rules.make_arn(ctx, "group", record),
        "CreateDate": record["created"],
    }


def role(ctx: Context, record: Json, *, brief: bool = False) -> Json:
    """A Role."""
    shown = {
        "Path": record["path"],
        "RoleName": record["name"],
        "RoleId": record["id"],
        "Arn": rules.make_arn(ctx, "role", record),
        "CreateDate": record["created"],
        "AssumeRolePolicyDocument": rules.escaped(record["trust"]),
        "MaxSessionDuration": record["duration"],
    }
    if record.get("description"):
        shown["Description"] = record["description"]
    if "signin" in record:
        shown["MaxSigninSessionDuration"] = record["signin"]
    return shown if brief else {**shown, **_boundary(record), **_tags(record)}


def instance_profile(ctx: Context, record: Json, *, brief: bool = False) -> Json:
    """An InstanceProfile with its role."""
    holder = state.entity(ctx, "role", record["role"]) if record["role"] else None
    shown = {
        "Path": record["path"],
        "InstanceProfileName": record["name"],
        "InstanceProfileId": record["id"],
        "Arn": rules.make_arn(ctx, "instance-profile", record),
        "CreateDate": record["created"],
        "Roles": [role(ctx, holder, brief=True)] if holder is not None else [],
    }
    return shown if brief else {**shown, **_tags(record)}


def policy(ctx: Context, arn: str, record: Json, *, brief: bool = False) -> Json:
    """A Policy."""
    shown = {
        "PolicyName": record["name"],
        "PolicyId": record["id"],
        "Arn": arn,
        "Path": record["path"],
        "DefaultVersionId": f"v{record['default']}",
        "AttachmentCount": state.attachments(ctx, arn),
        "PermissionsBoundaryUsageCount": state.boundaries(ctx, arn),
        "IsAttachable": not record["path"].startswith(rules.SERVICE_PATH),
        "CreateDate": record["created"],
        "UpdateDate": record["updated"],
    }
    if brief:
        return shown
    if record.get("description"):
        shown["Description"] = record["description"]
    return {**shown, **_tags(record)}


def _tags(record: Json) -> Json:
    return {"Tags": record["tags"]} if record.get("tags") else {}


def _boundary(record: Json) -> Json:
    if "boundary" not in record:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": record["boundary"],
        }
    }
