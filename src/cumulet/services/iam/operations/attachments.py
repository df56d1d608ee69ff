"""Managed policies attached to users, groups and roles, and permissions boundaries."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from ..rules import NAME


@operation
def attach_user_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AttachUserPolicy'."""
    _attach(ctx, "user", req)


@operation
def attach_group_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AttachGroupPolicy'."""
    _attach(ctx, "group", req)


@operation
def attach_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AttachRolePolicy'."""
    _attach(ctx, "role", req)


@operation
def detach_user_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DetachUserPolicy'."""
    _detach(ctx, "user", req)


@operation
def detach_group_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DetachGroupPolicy'."""
    _detach(ctx, "group", req)


@operation
def detach_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DetachRolePolicy'."""
    _detach(ctx, "role", req)


@operation
def list_attached_user_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListAttachedUserPolicies'."""
    return _list(ctx, "user", req)


@operation
def list_attached_group_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListAttachedGroupPolicies'."""
    return _list(ctx, "group", req)


@operation
def list_attached_role_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListAttachedRolePolicies'."""
    return _list(ctx, "role", req)


@operation
def put_user_permissions_boundary(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutUserPermissionsBoundary'."""
    _put_boundary(ctx, "user", req)


@operation
def put_role_permissions_boundary(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'PutRolePermissionsBoundary'."""
    _put_boundary(ctx, "role", req)


@operation
def delete_user_permissions_boundary(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteUserPermissionsBoundary'."""
    _delete_boundary(ctx, "user", req)


@operation
def delete_role_permissions_boundary(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteRolePermissionsBoundary'."""
    _delete_boundary(ctx, "role", req)


def _attach(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    arn = req["PolicyArn"]
    policy = rules.existing_policy(ctx, arn, "Policy {} does not exist or is not attachable.")
    if policy["path"].startswith(rules.SERVICE_PATH):
        raise rules.not_attachable()
    attached = [other for other, _ in state.attached(ctx, owner, "", state.MANY)]
    if arn not in attached and len(attached) >= rules.ATTACHED:
        raise rules.limit(f"Cannot exceed quota for PoliciesPer{kind.title()}: {rules.ATTACHED}")
    state.attach(ctx, kind, owner, arn, policy["name"])
    authority.use(ctx, arn, policy)
    authority.publish(ctx, kind, owner)


def _detach(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    if not state.detach(ctx, kind, owner, req["PolicyArn"]):
        raise rules.missing(f"Policy {req['PolicyArn']} was not found.")
    authority.publish(ctx, kind, owner)


def _list(ctx: Context, kind: state.Owner, req: Json) -> Json:
    owner = rules.existing(ctx, kind, req[NAME[kind]])
    past, prefix = rules.marker(req), req.get("PathPrefix", "/")
    found = [
        {"PolicyName": name, "PolicyArn": arn}
        for arn, name in state.attached(ctx, owner, past, state.MANY)
        if rules.existing_policy(ctx, arn)["path"].startswith(prefix)
    ]
    return rules.paged("AttachedPolicies", found, req, lambda policy: policy["PolicyArn"])


def _put_boundary(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    rules.set_boundary(ctx, kind, owner, rules.boundary(ctx, req))


def _delete_boundary(ctx: Context, kind: state.Owner, req: Json) -> None:
    owner = rules.changeable(ctx, kind, req[NAME[kind]])
    if "boundary" not in owner:
        raise rules.missing(f"{kind.title()} {owner['name']} does not have a permissions boundary.")
    rules.set_boundary(ctx, kind, owner, None)
