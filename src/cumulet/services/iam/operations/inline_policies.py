"""Policies embedded in a user, a group or a role."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from ..rules import NAME


@operation
def put_user_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutUserPolicy'."""
    _put(ctx, "user", req)


@operation
def put_group_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutGroupPolicy'."""
    _put(ctx, "group", req)


@operation
def put_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutRolePolicy'."""
    _put(ctx, "role", req)


@operation
def get_user_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetUserPolicy'."""
    return _get(ctx, "user", req)


@operation
def get_group_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetGroupPolicy'."""
    return _get(ctx, "group", req)


@operation
def get_role_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetRolePolicy'."""
    return _get(ctx, "role", req)


@operation
def list_user_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListUserPolicies'."""
    return _list(ctx, "user", req)


@operation
def list_group_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListGroupPolicies'."""
    return _list(ctx, "group", req)


@operation
def list_role_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListRolePolicies'."""
    return _list(ctx, "role", req)


@operation
def delete_user_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteUserPolicy'."""
    _delete(ctx, "user", req)


@operation
def delete_group_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteGroupPolicy'."""
    _delete(ctx, "group", req)


@operation
def delete_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteRolePolicy'."""
    _delete(ctx, "role", req)


def _put(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    name, document = req["PolicyName"], req["PolicyDocument"]
    rules.check_document(document, "identity")
    # The quota keeps an owner's documents together at a few kilobytes, so all of them can be counted.
    others = sum(rules.size(text) for other, text in state.inlines(ctx, owner, "", state.MANY) if other != name)
    most = rules.INLINE_SIZES[kind]
    if others + rules.size(document) > most:
        raise rules.limit(f"Maximum policy size of {most} bytes exceeded for {kind} {owner['name']}")
    state.put_inline(ctx, owner, name, document)
    authority.publish(ctx, kind, owner)


def _get(ctx: Context, kind: state.Owner, req: Json) -> Json:
    owner = rules.existing(ctx, kind, req[NAME[kind]])
    document = _existing(ctx, kind, owner, req["PolicyName"])
    return {
        NAME[kind]: owner["name"],
        "PolicyName": req["PolicyName"],
        "PolicyDocument": rules.escaped(document),
    }


def _list(ctx: Context, kind: state.Owner, req: Json) -> Json:
    owner = rules.existing(ctx, kind, req[NAME[kind]])
    found = state.inlines(ctx, owner, rules.marker(req), rules.page_size(req))
    return rules.paged("PolicyNames", [name for name, _ in found], req, str)


def _delete(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    _existing(ctx, kind, owner, req["PolicyName"])
    state.drop_inline(ctx, owner, req["PolicyName"])
    authority.publish(ctx, kind, owner)


def _existing(ctx: Context, kind: state.Owner, owner: Json, name: str) -> str:
    document = state.inline(ctx, owner, name)
    if document is None:
        raise rules.missing(f"The {kind} policy with name {name} cannot be found.")
    return document
