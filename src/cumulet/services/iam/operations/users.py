"""Users, and the account's root where nobody else is named."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state
from .roles import place

_ROOT_CREATED = 1_704_067_200
"""Accounts exist without having been opened: every root is as old as the year 2024."""


@operation
def create_user(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateUser'."""
    name = req["UserName"]
    if state.entity(ctx, "user", name) is not None:
        raise AwsError("EntityAlreadyExists", f"User with name {name} already exists.", 409)
    rules.check_quota(ctx, "user")
    record = {
        "name": name,
        "id": unique_id("AIDA"),
        "path": req.get("Path", "/"),
        "created": int(ctx.now),
        "tags": rules.merged_tags([], req.get("Tags", [])),
    }
    boundary = rules.boundary(ctx, req)
    if boundary is not None:
        record["boundary"] = boundary
    state.create(ctx, "user", record)
    return {"User": _described(ctx, record)}


@operation
def get_user(ctx: Context, req: Json) -> Json:
    """The caller where no name is given. See IAM API Reference, 'GetUser'."""
    name = req.get("UserName") or caller_name(ctx)
    if name is not None:
        return {"User": _described(ctx, rules.existing(ctx, "user", name))}
    root = {"UserId": ctx.account, "Arn": f"arn:aws:iam::{ctx.account}:root", "CreateDate": _ROOT_CREATED}
    return {"User": {"Path": "/", **root}}


@operation
def list_users(ctx: Context, req: Json) -> Json:
    """By name, or by path where a PathPrefix is given. See IAM API Reference, 'ListUsers'."""
    prefix = req.get("PathPrefix", "/")
    users, _ = state.entities(ctx, "user", prefix, rules.marker(req), rules.page_size(req))
    page = rules.paged("Users", users, req, lambda user: place(user, prefix))
    page["Users"] = [_described(ctx, {**user, "tags": []}) for user in page["Users"]]
    return page


@operation
def delete_user(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteUser'."""
    user = rules.existing(ctx, "user", req["UserName"])
    if state.access_keys(ctx, user["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must delete access keys first.")
    if state.attached(ctx, user, "", 1):
        raise rules.conflict("Cannot delete entity, must detach all policies first.")
    if state.inlines(ctx, user, "", 1):
        raise rules.conflict("Cannot delete entity, must delete policies first.")
    state.drop(ctx, "user", user)


def caller_name(ctx: Context) -> str | None:
    """The calling user's name, None for root. Raises ValidationError for callers that are neither."""
    if ctx.principal.kind == "user":
        return ctx.principal.name
    if ctx.principal.kind == "root":
        return None
    raise rules.validation("Must specify userName when calling with non-User credentials")


def _described(ctx: Context, user: Json) -> Json:
    shown = {
        "Path": user["path"],
        "UserName": user["name"],
        "UserId": user["id"],
        "Arn": rules.make_arn(ctx, "user", user),
        "CreateDate": user["created"],
        **rules.described_boundary(user),
    }
    if user["tags"]:
        shown["Tags"] = user["tags"]
    return shown
