"""Versions of managed policies: at most five, one of them the default. Of AWS's own only the default one is kept."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, managed, rules, state
from .managed_policies import check_size


@operation
def create_policy_version(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreatePolicyVersion'."""
    policy = rules.own_policy(ctx, req["PolicyArn"])
    check_size(req["PolicyDocument"])
    if len(state.versions(ctx, policy)) >= rules.VERSIONS:
        raise rules.limit(
            f"A managed policy can have up to {rules.VERSIONS} versions. Before you create a new version, you must "
            "delete an existing version."
        )
    number = policy["last"] + 1
    state.put_version(ctx, policy, number, req["PolicyDocument"])
    policy = {**policy, "last": number, "updated": int(ctx.now)}
    if req.get("SetAsDefault"):
        policy["default"] = number
    state.put(ctx, "policy", policy)
    if req.get("SetAsDefault"):
        authority.publish_policy(ctx, req["PolicyArn"], policy)
    return {"PolicyVersion": _described(policy, number, int(ctx.now))}


@operation
def get_policy_version(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetPolicyVersion'."""
    policy = rules.existing_policy(ctx, req["PolicyArn"])
    number, version = _existing(ctx, req, policy)
    shown = _described(policy, number, version["created"])
    return {"PolicyVersion": {**shown, "Document": rules.escaped(version["document"])}}


@operation
def list_policy_versions(ctx: Context, req: Json) -> Json:
    """Newest first. See IAM API Reference, 'ListPolicyVersions'."""
    policy = rules.existing_policy(ctx, req["PolicyArn"])
    past = _number(rules.marker(req))
    if "place" in policy:
        versions = [(policy["default"], {"created": policy["updated"]})]
    else:
        versions = state.versions(ctx, policy)
    shown = [
        _described(policy, number, version["created"]) for number, version in versions if past is None or number < past
    ]
    return rules.paged("Versions", shown, req, lambda version: version["VersionId"])


@operation
def set_default_policy_version(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'SetDefaultPolicyVersion'."""
    policy = rules.own_policy(ctx, req["PolicyArn"])
    number, _ = _existing(ctx, req, policy)
    policy = {**policy, "default": number, "updated": int(ctx.now)}
    state.put(ctx, "policy", policy)
    authority.publish_policy(ctx, req["PolicyArn"], policy)


@operation
def delete_policy_version(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeletePolicyVersion'."""
    policy = rules.own_policy(ctx, req["PolicyArn"])
    number, _ = _existing(ctx, req, policy)
    if number == policy["default"]:
        raise rules.conflict("Cannot delete the default version of a policy.")
    state.drop_version(ctx, policy, number)


def _existing(ctx: Context, req: Json, policy: Json) -> tuple[int, Json]:
    number = _number(req["VersionId"])
    if number is not None and "place" in policy:
        current = number == policy["default"]
        document = managed.document(req["PolicyArn"]) if current else ""
        found = {"document": document, "created": policy["updated"]} if current else None
    else:
        found = state.version(ctx, policy, number) if number is not None else None
    if number is None or found is None:
        raise rules.missing(
            f"Policy {req['PolicyArn']} version {req['VersionId']} does not exist or is not attachable."
        )
    return number, found


def _number(version_id: str) -> int | None:
    # The model's pattern is `v1`, perhaps with a suffix that no version of ours has.
    digits = version_id.removeprefix("v")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _described(policy: Json, number: int, created: float) -> Json:
    return {"VersionId": f"v{number}", "IsDefaultVersion": number == policy["default"], "CreateDate": created}
