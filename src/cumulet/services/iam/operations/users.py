"""Users, and the account's root where nobody else is named."""

from __future__ import annotations

from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from . import describe

ROOT_CREATED = 1_704_067_200
"""Accounts exist without having been opened: every root is as old as the year 2024."""


@operation
def create_user(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateUser'."""
    name = req["UserName"]
    rules.check_free(ctx, "user", name)
    rules.check_quota(ctx, "user")
    record = {
        "name": name,
        "id": unique_id("AIDA"),
        "path": req.get("Path", "/"),
        "created": int(ctx.now),
        "tags": rules.merged_tags([], req.get("Tags", [])),
    }
    state.create(ctx, "user", record)
    record = rules.set_boundary(ctx, "user", record, rules.boundary(ctx, req))
    return {"User": describe.user(ctx, record)}


@operation
def get_user(ctx: Context, req: Json) -> Json:
    """The caller where no name is given. See IAM API Reference, 'GetUser'."""
    name = req.get("UserName") or caller_name(ctx)
    if name is not None:
        return {"User": describe.user(ctx, rules.existing(ctx, "user", name))}
    root = {"UserId": ctx.account, "Arn": f"arn:aws:iam::{ctx.account}:root", "CreateDate": ROOT_CREATED}
    return {"User": {"Path": "/", **root}}


@operation
def list_users(ctx: Context, req: Json) -> Json:
    """By name, or by path where a PathPrefix is given. See IAM API Reference, 'ListUsers'."""
    return rules.listing(ctx, "user", "Users", req, lambda ctx, user: describe.user(ctx, user, brief=True))


@operation
def update_user(ctx: Context, req: Json) -> None:
    """A new name or path. Access keys go on; temporary credentials end where the name changes.

    See IAM API Reference, 'UpdateUser'.
    """
    user = rules.existing(ctx, "user", req["UserName"])
    changed = rules.renamed(ctx, "user", user, req.get("NewUserName"), req.get("NewPath"))
    state.move(ctx, "user", user, changed)
    for group_id, _ in state.parts(ctx, "membership", user["id"], "", state.MANY):
        state.put_part(ctx, "member", group_id, user["id"], changed["name"])
    for serial, _ in state.parts(ctx, "device", user["id"], "", state.MANY):
        device = state.entity(ctx, "mfa", serial.rpartition("/")[2])
        if device is not None:
            state.put(ctx, "mfa", {**device, "user": changed["name"]})
    authority.reissue(ctx, changed)
    authority.withdraw(ctx, "user", user["name"])
    authority.publish(ctx, "user", changed)


@operation
def delete_user(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteUser'."""
    user = rules.existing(ctx, "user", req["UserName"])
    if state.parts(ctx, "login", user["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must delete login profile first.")
    if state.access_keys(ctx, user["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must delete access keys first.")
    if state.parts(ctx, "device", user["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must delete MFA device first.")
    if state.parts(ctx, "membership", user["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must remove users from group first.")
    rules.check_no_policies(ctx, user)
    rules.unbind(ctx, "user", user)
    state.drop(ctx, "user", user)
    authority.withdraw(ctx, "user", user["name"])


def caller_name(ctx: Context) -> str | None:
    """The calling user's name, None for root. Raises ValidationError for callers that are neither."""
    if ctx.principal.kind == "user":
        return ctx.principal.name
    if ctx.principal.kind == "root":
        return None
    raise rules.validation("Must specify userName when calling with non-User credentials")


def named_or_caller(ctx: Context, req: Json) -> Json:
    """The record of the user that a request names, else of the calling user. Raises NoSuchEntity, ValidationError."""
    name = req.get("UserName") or caller_name(ctx)
    if name is None:
        raise rules.validation("Must specify userName when calling with root credentials.")
    return rules.existing(ctx, "user", name)
