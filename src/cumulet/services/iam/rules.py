"""What the model does not say: errors in IAM's words, quotas, documents, tags, pages.

Sources: IAM API Reference; IAM User Guide, 'IAM and AWS STS quotas'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import orjson

from cumulet.auth.policy.parse import Kind, parse
from cumulet.base import arn, paging
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context

from . import managed, state

T = TypeVar("T")

QUOTAS = {"role": 1000, "user": 5000, "policy": 1500}
QUOTA_NAMES = {"role": "RolesPerAccount", "user": "UsersPerAccount", "policy": "PoliciesPerAccount"}
TRUST_SIZE = 2048
POLICY_SIZE = 6144
INLINE_SIZE = 10_240
ATTACHED = 10
VERSIONS = 5
ACCESS_KEYS = 2
TAGS = 50
PAGE = 100
_SPACE = re.compile(r"\s+")


def missing(message: str) -> AwsError:
    """NoSuchEntity."""
    return AwsError("NoSuchEntity", message, 404)


def limit(message: str) -> AwsError:
    """LimitExceeded."""
    return AwsError("LimitExceeded", message, 409)


def conflict(message: str) -> AwsError:
    """DeleteConflict."""
    return AwsError("DeleteConflict", message, 409)


def validation(message: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", message, 400)


def existing(ctx: Context, kind: state.Kind, name: str) -> Json:
    """The record of a role or user. Raises NoSuchEntity."""
    record = state.entity(ctx, kind, name)
    if record is None:
        raise missing(f"The {kind} with name {name} cannot be found.")
    return record


def make_arn(ctx: Context, kind: state.Kind, record: Json) -> str:
    """The ARN of a role, user or customer managed policy."""
    return arn.make("iam", "", ctx.account, f"{kind}{record['path']}{record['name']}")


def check_quota(ctx: Context, kind: state.Kind) -> None:
    """One entity more must be allowed."""
    if state.count(ctx, kind) >= QUOTAS[kind]:
        raise limit(f"Cannot exceed quota for {QUOTA_NAMES[kind]}: {QUOTAS[kind]}")


def existing_policy(ctx: Context, policy_arn: str, message: str = "Policy {} was not found.") -> Json:
    """The record of a managed policy, the customer's or AWS's own. Raises NoSuchEntity, InvalidInput."""
    record = managed.catalog().get(policy_arn)
    if record is not None:
        return record
    parts = arn.parse(policy_arn)
    if parts is None or parts.service != "iam" or not parts.resource.startswith("policy/"):
        raise AwsError("InvalidInput", f"ARN {policy_arn} is not valid.", 400)
    record = state.entity(ctx, "policy", policy_arn.rpartition("/")[2])
    if record is None or make_arn(ctx, "policy", record) != policy_arn:
        raise missing(message.format(policy_arn))
    return record


def own_policy(ctx: Context, policy_arn: str) -> Json:
    """The record of a customer's policy, which may be changed. Raises AccessDenied for AWS's own."""
    record = existing_policy(ctx, policy_arn)
    if policy_arn.startswith(managed.PREFIX):
        raise AwsError("AccessDenied", f"Policy {policy_arn} is owned by AWS and cannot be changed.", 403)
    return record


def check_document(text: str, kind: Kind) -> None:
    """Raises MalformedPolicyDocument."""
    parse(text, kind)


def size(document: str) -> int:
    """Characters of a document as IAM counts them: without white space."""
    return len(_SPACE.sub("", document))


def check_trust(ctx: Context, text: str) -> None:
    """A trust policy must be well formed, short enough, and name only roles and users that exist.

    Raises MalformedPolicyDocument, LimitExceeded.
    """
    check_document(text, "trust")
    if size(text) > TRUST_SIZE:
        raise limit(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")
    document = orjson.loads(text)
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", statement.get("NotPrincipal"))
        names = principal.get("AWS", []) if isinstance(principal, dict) else []
        for name in [names] if isinstance(names, str) else names:
            _check_principal(ctx, name)


def _check_principal(ctx: Context, name: str) -> None:
    parts = arn.parse(name)
    if parts is None or parts.service != "iam":
        return
    kind, _, rest = parts.resource.partition("/")
    if kind not in ("role", "user"):
        return
    there = ctx.derive(ctx.service, ctx.principal, parts.account, ctx.region)
    there.bind(ctx.tx)
    wanted: state.Kind = "role" if kind == "role" else "user"
    record = state.entity(there, wanted, rest.rpartition("/")[2])
    if record is None or make_arn(there, wanted, record) != name:
        raise AwsError("MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{name}"', 400)


def merged_tags(old: list[Json], new: list[Json]) -> list[Json]:
    """Tags after adding `new`; keys differ whatever their case. Raises InvalidInput, LimitExceeded."""
    names = [tag["Key"].lower() for tag in new]
    if len(set(names)) != len(names):
        raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400)
    if any(name.startswith("aws:") for name in names):
        raise AwsError("InvalidInput", "Tag keys starting with aws: are reserved for AWS use.", 400)
    tags = [tag for tag in old if tag["Key"].lower() not in names] + new
    if len(tags) > TAGS:
        raise limit(f"The number of tags has reached the maximum limit: {TAGS}.")
    return tags


def without_tags(old: list[Json], names: list[str]) -> list[Json]:
    """Tags after removing some."""
    gone = {name.lower() for name in names}
    return [tag for tag in old if tag["Key"].lower() not in gone]


def escaped(document: str) -> str:
    """A document as IAM gives it out: percent-encoded."""
    return quote(document, safe="")


def marker(req: Json) -> str:
    """The place that a page starts after, "" for the first. Raises ValidationError."""
    token = req.get("Marker")
    if token is None:
        return ""
    raw = paging.decode(token)
    if raw is None:
        raise validation("Invalid Marker.")
    return raw.decode("utf-8", "replace")


def paged(name: str, items: list[T], req: Json, place: Callable[[T], str]) -> Json:
    """A page out of `items`, of which one more than MaxItems was read; `place` says where an item stands."""
    most = req.get("MaxItems", PAGE)
    result: Json = {name: items[:most], "IsTruncated": len(items) > most}
    if len(items) > most:
        result["Marker"] = paging.encode(place(items[most - 1]).encode())
    return result


def page_size(req: Json) -> int:
    """How many items to read for a page: one more than it holds."""
    return int(req.get("MaxItems", PAGE)) + 1


def boundary(ctx: Context, req: Json) -> str | None:
    """The ARN of the permissions boundary that a request names; it must exist."""
    text: str | None = req.get("PermissionsBoundary")
    if text is not None:
        existing_policy(ctx, text, "Scope ARN: {} does not exist or is not attachable.")
    return text


def described_boundary(record: Json) -> Json:
    """The member PermissionsBoundary of a role or a user, as a dict to merge."""
    if "boundary" not in record:
        return {}
    return {
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": record["boundary"],
        }
    }
