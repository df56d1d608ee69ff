"""Policies embedded in a role."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def put_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    name, document = req["PolicyName"], req["PolicyDocument"]
    rules.check_document(document, "identity")
    # The quota keeps a role's documents together at a few kilobytes, so all of them can be counted.
    others = sum(rules.size(text) for other, text in state.inlines(ctx, role, "", state.MANY) if other != name)
    if others + rules.size(document) > rules.INLINE_SIZE:
        raise rules.limit(f"Maximum policy size of {rules.INLINE_SIZE} bytes exceeded for role {role['name']}")
    state.put_inline(ctx, role, name, document)


@operation
def get_role_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    document = _existing(ctx, role, req["PolicyName"])
    return {
        "RoleName": role["name"],
        "PolicyName": req["PolicyName"],
        "PolicyDocument": rules.escaped(document),
    }


@operation
def list_role_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListRolePolicies'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    found = state.inlines(ctx, role, rules.marker(req), rules.page_size(req))
    return rules.paged("PolicyNames", [name for name, _ in found], req, str)


@operation
def delete_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    _existing(ctx, role, req["PolicyName"])
    state.drop_inline(ctx, role, req["PolicyName"])


def _existing(ctx: Context, role: Json, name: str) -> str:
    document = state.inline(ctx, role, name)
    if document is None:
        raise rules.missing(f"The role policy with name {name} cannot be found.")
    return document
