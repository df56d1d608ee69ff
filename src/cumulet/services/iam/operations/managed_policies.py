"""Managed policies: the customer's own, and AWS's beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from cumulet.base import paging
from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, managed, rules, state
from . import describe

_USES: dict[str, tuple[Literal["attachment", "bounded"], ...]] = {
    "": ("attachment", "bounded"),
    "PermissionsPolicy": ("attachment",),
    "PermissionsBoundary": ("bounded",),
}


@operation
def create_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreatePolicy'."""
    name = req["PolicyName"]
    rules.check_free(ctx, "policy", name)
    check_size(req["PolicyDocument"])
    rules.check_quota(ctx, "policy")
    record = {
        "name": name,
        "id": unique_id("ANPA"),
        "path": req.get("Path", "/"),
        "created": int(ctx.now),
        "updated": int(ctx.now),
        "default": 1,
        "last": 1,
        "description": req.get("Description", ""),
        "tags": rules.merged_tags([], req.get("Tags", [])),
    }
    state.create(ctx, "policy", record)
    state.put_version(ctx, record, 1, req["PolicyDocument"])
    arn = rules.make_arn(ctx, "policy", record)
    authority.publish_policy(ctx, arn, record)
    shown = describe.policy(ctx, arn, record)
    shown.pop("Description", None)
    return {"Policy": shown}


def check_size(document: str) -> None:
    """Raises MalformedPolicyDocument, LimitExceeded."""
    rules.check_document(document, "identity")
    if rules.size(document) > rules.POLICY_SIZE:
        raise rules.limit(f"Cannot exceed quota for PolicySize: {rules.POLICY_SIZE}")


@operation
def get_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetPolicy'."""
    return {"Policy": describe.policy(ctx, req["PolicyArn"], rules.existing_policy(ctx, req["PolicyArn"]))}


@operation
def list_policies(ctx: Context, req: Json) -> Json:
    """The customer's policies, then AWS's. See IAM API Reference, 'ListPolicies'."""
    scope, prefix = req.get("Scope", "All"), req.get("PathPrefix", "/")
    found: list[Json] = []
    most = rules.page_size(req) - 1
    place = ""
    for place_, arn, policy in _listed(ctx, scope, prefix, rules.marker(req)):
        shown = describe.policy(ctx, arn, policy, brief=True)
        if _wanted(req, policy, shown, prefix):
            if len(found) == most:
                return {"Policies": found, "IsTruncated": True, "Marker": paging.encode(place.encode())}
            found.append(shown)
            place = place_
    return {"Policies": found, "IsTruncated": False}


def _listed(ctx: Context, scope: str, prefix: str, past: str) -> Iterator[tuple[str, str, Json]]:
    # A place is "own:" and a place among the customer's policies, or "aws:" and a name among AWS's.
    whose, _, where = past.partition(":")
    if scope != "AWS" and whose != "aws":
        while True:
            page, last = state.entities(ctx, "policy", prefix, where, rules.PAGE)
            for policy in page:
                name = policy["name"].lower()
                place = name if prefix == "/" else f"{policy['path']}{name}"
                yield f"own:{place}", rules.make_arn(ctx, "policy", policy), policy
            if len(page) < rules.PAGE:
                break
            where = last
        where = ""
    if scope != "Local":
        for arn, policy in managed.catalog().items():
            if whose != "aws" or policy["name"].lower() > where:
                yield f"aws:{policy['name'].lower()}", arn, policy


def _wanted(req: Json, policy: Json, shown: Json, prefix: str) -> bool:
    if not policy["path"].startswith(prefix):
        return False
    usage = req.get("PolicyUsageFilter")
    if usage == "PermissionsBoundary" and not shown["PermissionsBoundaryUsageCount"]:
        return False
    if usage == "PermissionsPolicy" and not shown["AttachmentCount"]:
        return False
    return not req.get("OnlyAttached") or shown["AttachmentCount"] > 0


@operation
def list_entities_for_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListEntitiesForPolicy'."""
    arn = req["PolicyArn"]
    rules.existing_policy(ctx, arn)
    result: Json = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": [], "IsTruncated": False}
    wanted, prefix = req.get("EntityFilter", "").lower(), req.get("PathPrefix", "/")
    if wanted in ("localmanagedpolicy", "awsmanagedpolicy"):
        return result
    most, last = int(req.get("MaxItems", rules.PAGE)), ""
    for place, kind, owner in _users(ctx, arn, req):
        if wanted not in ("", kind) or not owner["path"].startswith(prefix):
            continue
        if most == 0:
            return {**result, "IsTruncated": True, "Marker": paging.encode(last.encode())}
        most, last = most - 1, place
        title = kind.title()
        result[f"Policy{title}s"].append({f"{title}Name": owner["name"], f"{title}Id": owner["id"]})
    return result


def _users(ctx: Context, arn: str, req: Json) -> Iterator[tuple[str, state.Owner, Json]]:
    # A place is a use, a kind and an id. Somebody who is bounded by a policy that is attached as well is named once.
    use_, _, place = rules.marker(req).partition(":")
    for use in _USES[req.get("PolicyUsageFilter", "")]:
        if use < use_:
            continue
        kind, _, owner_id = place.partition(":") if use == use_ else ("", "", "")
        past = (kind, owner_id) if kind else None
        while page := state.used_by(ctx, use, arn, past, rules.PAGE):
            for kind_, owner_id, name in page:
                past = (kind_, owner_id)
                owner = rules.existing(ctx, kind_, name)
                if use == "bounded" and "PolicyUsageFilter" not in req and state.is_attached(ctx, owner, arn):
                    continue
                yield f"{use}:{kind_}:{owner_id}", kind_, owner


@operation
def delete_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeletePolicy'."""
    arn = req["PolicyArn"]
    policy = rules.own_policy(ctx, arn)
    if state.attachments(ctx, arn) or state.boundaries(ctx, arn):
        raise rules.conflict("Cannot delete a policy attached to entities.")
    if len(state.versions(ctx, policy)) > 1:
        raise rules.conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    state.drop(ctx, "policy", policy)
    authority.withdraw_policy(ctx, arn)
