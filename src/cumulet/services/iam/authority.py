"""What IAM tells the kernel: the grants of each user, group and role, in the transaction that changes them.

A principal's record is always made anew from IAM's own state, which IAM's quotas keep small: nothing has to be kept in
step by hand. A managed policy is published where its default version changes; AWS's own where somebody first uses one.
"""

from __future__ import annotations

from dataclasses import replace

from cumulet.auth import credentials, grants
from cumulet.base.arn import make
from cumulet.base.context import Principal
from cumulet.base.types import Json
from cumulet.kernel.context import Context

from . import managed, state


def publish(ctx: Context, kind: state.Owner, owner: Json) -> None:
    """Write the grants of a user, group or role as they are now."""
    memberships = state.parts(ctx, "membership", owner["id"], "", state.MANY) if kind == "user" else []
    grants.put(
        ctx.tx,
        ctx.account,
        kind,
        owner["name"],
        owner["id"],
        inline=state.inlines(ctx, owner, "", state.MANY),
        attached=[arn for arn, _ in state.attached(ctx, owner, "", state.MANY)],
        groups=[str(name) for _, name in memberships],
        boundary=owner.get("boundary"),
        tags={tag["Key"]: tag["Value"] for tag in owner.get("tags", ())},
    )


def principal(ctx: Context, user: Json) -> Principal:
    """Whom a user's access keys speak for."""
    tags = {tag["Key"]: tag["Value"] for tag in user["tags"]}
    arn = make("iam", "", ctx.account, f"user{user['path']}{user['name']}")
    return Principal("user", ctx.account, arn, user["id"], user["name"], tags=tags)


def reissue(ctx: Context, user: Json) -> None:
    """A user's name, path or tags have changed: its access keys speak for the user as it is now."""
    now = principal(ctx, user)
    for key_id, _ in state.access_keys(ctx, user["id"], "", state.MANY):
        key = credentials.lookup(ctx.tx, key_id)
        if key is not None:
            credentials.store(ctx.tx, replace(key, principal=replace(now, access_key=key_id)))


def withdraw(ctx: Context, kind: state.Owner, name: str) -> None:
    """Forget the grants of a principal that is gone, or that has another name now."""
    grants.drop(ctx.tx, ctx.account, kind, name)


def publish_policy(ctx: Context, arn: str, policy: Json) -> None:
    """Write the default version of a managed policy. `policy` is its record, a customer's or AWS's own."""
    grants.put_policy(ctx.tx, arn, document(ctx, arn, policy))


def withdraw_policy(ctx: Context, arn: str) -> None:
    """Forget a managed policy that is deleted."""
    grants.drop_policy(ctx.tx, arn)


def use(ctx: Context, arn: str, policy: Json) -> None:
    """A policy is about to be attached or to be a boundary: AWS's own are published at their first use, and whenever a newer
    Cumulet brings another version of them."""
    if arn.startswith(managed.PREFIX) and state.published(ctx, arn) != policy["default"]:
        publish_policy(ctx, arn, policy)
        state.set_published(ctx, arn, policy["default"])


def document(ctx: Context, arn: str, policy: Json) -> str:
    """The text of a managed policy's default version."""
    if arn.startswith(managed.PREFIX):
        return managed.document(arn)
    version = state.version(ctx, policy, policy["default"])
    assert version is not None
    return str(version["document"])
