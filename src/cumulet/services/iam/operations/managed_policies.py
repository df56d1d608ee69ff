"""Managed policies: the customer's own, and AWS's beside them."""

from __future__ import annotations

from collections.abc import Iterator

from cumulet.base import paging
from cumulet.base.errors import AwsError
from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import managed, rules, state

_KINDS = {"role": ("PolicyRoles", "RoleName", "RoleId"), "user": ("PolicyUsers", "UserName", "UserId")}


@operation
def create_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreatePolicy'."""
    name = req["PolicyName"]
    if state.entity(ctx, "policy", name) is not None:
        raise AwsError(
            "EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed.", 409
        )
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
    return {"Policy": _described(ctx, rules.make_arn(ctx, "policy", record), record)}


def check_size(document: str) -> None:
    """Raises MalformedPolicyDocument, LimitExceeded."""
    rules.check_document(document, "identity")
    if rules.size(document) > rules.POLICY_SIZE:
        raise rules.limit(f"Cannot exceed quota for PolicySize: {rules.POLICY_SIZE}")


@operation
def get_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetPolicy'."""
    arn = req["PolicyArn"]
    policy = rules.existing_policy(ctx, arn)
    shown = _described(ctx, arn, policy)
    if policy.get("description"):
        shown["Description"] = policy["description"]
    if policy.get("tags"):
        shown["Tags"] = policy["tags"]
    return {"Policy": shown}


@operation
def list_policies(ctx: Context, req: Json) -> Json:
    """The customer's policies, then AWS's. See IAM API Reference, 'ListPolicies'."""
    scope, prefix = req.get("Scope", "All"), req.get("PathPrefix", "/")
    found: list[Json] = []
    most = rules.page_size(req) - 1
    place = ""
    for place_, arn, policy in _listed(ctx, scope, prefix, rules.marker(req)):
        shown = _described(ctx, arn, policy)
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
    if req.get("PolicyUsageFilter") == "PermissionsBoundary":
        return False
    return policy["path"].startswith(prefix) and (not req.get("OnlyAttached") or shown["AttachmentCount"] > 0)


@operation
def list_entities_for_policy(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListEntitiesForPolicy'."""
    arn = req["PolicyArn"]
    rules.existing_policy(ctx, arn)
    past = rules.marker(req)
    kind, _, owner_id = past.partition(":")
    found = state.attached_to(ctx, arn, (kind, owner_id) if past else None, rules.page_size(req))
    page = rules.paged("found", found, req, lambda entry: f"{entry[0]}:{entry[1]}")
    result: Json = {"PolicyGroups": [], "PolicyUsers": [], "PolicyRoles": []}
    wanted = req.get("EntityFilter", "").lower()
    for entity_kind, entity_id, name in page.pop("found"):
        if wanted in ("", entity_kind):
            member, name_member, id_member = _KINDS[entity_kind]
            result[member].append({name_member: name, id_member: entity_id})
    return {**result, **page}


@operation
def delete_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeletePolicy'."""
    arn = req["PolicyArn"]
    policy = rules.own_policy(ctx, arn)
    if state.attachments(ctx, arn):
        raise rules.conflict("Cannot delete a policy attached to entities.")
    if len(state.versions(ctx, policy)) > 1:
        raise rules.conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    state.drop(ctx, "policy", policy)


def _described(ctx: Context, arn: str, policy: Json) -> Json:
    return {
        "PolicyName": policy["name"],
        "PolicyId": policy["id"],
        "Arn": arn,
        "Path": policy["path"],
        "DefaultVersionId": f"v{policy['default']}",
        "AttachmentCount": state.attachments(ctx, arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy["created"],
        "UpdateDate": policy["updated"],
    }
