"""Managed policies attached to roles."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def attach_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AttachRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    arn = req["PolicyArn"]
    policy = rules.existing_policy(ctx, arn, "Policy {} does not exist or is not attachable.")
    attached = [other for other, _ in state.attached(ctx, role, "", state.MANY)]
    if arn not in attached and len(attached) >= rules.ATTACHED:
        raise rules.limit(f"Cannot exceed quota for PoliciesPerRole: {rules.ATTACHED}")
    state.attach(ctx, "role", role, arn, policy["name"])


@operation
def detach_role_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DetachRolePolicy'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    if not state.detach(ctx, "role", role, req["PolicyArn"]):
        raise rules.missing(f"Policy {req['PolicyArn']} was not found.")


@operation
def list_attached_role_policies(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListAttachedRolePolicies'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    past, prefix = rules.marker(req), req.get("PathPrefix", "/")
    found = [
        {"PolicyName": name, "PolicyArn": arn}
        for arn, name in state.attached(ctx, role, past, state.MANY)
        if rules.existing_policy(ctx, arn)["path"].startswith(prefix)
    ]
    return rules.paged("AttachedPolicies", found, req, lambda policy: policy["PolicyArn"])
