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

from . import authority, managed, state

T = TypeVar("T")

QUOTAS = {
    "role": 1000,
    "user": 5000,
    "group": 300,
    "policy": 1500,
    "instance-profile": 1000,
    "oidc-provider": 700,
    "saml-provider": 100,
    "mfa": 5000,
}
_QUOTA_NAMES = {
    "role": "RolesPerAccount",
    "user": "UsersPerAccount",
    "group": "GroupsPerAccount",
    "policy": "PoliciesPerAccount",
    "instance-profile": "InstanceProfilesPerAccount",
    "oidc-provider": "OpenIdConnectProvidersPerAccount",
    "saml-provider": "SAMLProvidersPerAccount",
    "mfa": "MFADevicesPerAccount",
}
TRUST_SIZE = 2048
POLICY_SIZE = 6144
INLINE_SIZES = {"user": 2048, "group": 5120, "role": 10_240}
GROUPS = 10
NAME = {"user": "UserName", "group": "GroupName", "role": "RoleName"}
"""The member of requests that names an entity of a kind."""

SERVICE_PATH = "/aws-service-role/"
"""The path of service-linked roles and of the policies that only they may have."""

ATTACHED = 10
VERSIONS = 5
ACCESS_KEYS = 2
MFA_DEVICES = 8
PASSWORDS = 24
"""Former passwords that are remembered."""

TAGS = 50
PAGE = 100
_SPACE = re.compile(r"\s+")


def missing(message: str) -> AwsError:
    """NoSuchEntity."""
    return AwsError("NoSuchEntity", message, 404)


def limit(message: str) -> AwsError:
    """LimitExceeded."""
    return AwsError("LimitExceeded", message, 409)


def exists(message: str) -> AwsError:
    """EntityAlreadyExists."""
    return AwsError("EntityAlreadyExists", message, 409)


def not_attachable() -> AwsError:
    """PolicyNotAttachable: the policy is for service-linked roles."""
    return AwsError("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.", 400)


def conflict(message: str) -> AwsError:
    """DeleteConflict."""
    return AwsError("DeleteConflict", message, 409)


def validation(message: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", message, 400)


def existing(ctx: Context, kind: state.Kind, name: str) -> Json:
    """The record of an entity. Raises NoSuchEntity."""
    record = state.entity(ctx, kind, name)
    if record is None:
        if kind == "instance-profile":
            raise missing(f"Instance Profile {name} cannot be found.")
        raise missing(f"The {kind} with name {name} cannot be found.")
    return record


def changeable(ctx: Context, kind: state.Kind, name: str) -> Json:
    """The record of an entity that customers may change. Raises NoSuchEntity, UnmodifiableEntity."""
    record = existing(ctx, kind, name)
    if kind == "role" and record["path"].startswith(SERVICE_PATH):
        message = f"Cannot perform the operation on the protected role '{record['name']}' - this role is only modifiable by AWS"
        raise AwsError("UnmodifiableEntity", message, 400)
    return record


def check_free(ctx: Context, kind: state.Kind, name: str) -> None:
    """Nobody may have the name yet, whatever its case. Raises EntityAlreadyExists."""
    if state.entity(ctx, kind, name) is None:
        return
    message = f"{kind.title()} with name {name} already exists."
    if kind == "policy":
        message = f"A policy called {name} already exists. Duplicate names are not allowed."
    elif kind == "instance-profile":
        message = f"Instance Profile {name} already exists."
    raise exists(message)


def renamed(ctx: Context, kind: state.Kind, record: Json, name: str | None, path: str | None) -> Json:
    """A user or group with its new name and path. Raises EntityAlreadyExists."""
    if name is not None and name.lower() != record["name"].lower():
        check_free(ctx, kind, name)
    return {**record, "name": name or record["name"], "path": path or record["path"]}


def check_no_policies(ctx: Context, owner: Json) -> None:
    """What is to be deleted must have no policies. Raises DeleteConflict."""
    if state.attached(ctx, owner, "", 1):
        raise conflict("Cannot delete entity, must detach all policies first.")
    if state.inlines(ctx, owner, "", 1):
        raise conflict("Cannot delete entity, must delete policies first.")


def listing(ctx: Context, kind: state.Kind, member: str, req: Json, show: Callable[[Context, Json], Json]) -> Json:
    """A page of the entities of a kind: by name, or by path where a PathPrefix is given."""
    prefix = req.get("PathPrefix", "/")
    found, _ = state.entities(ctx, kind, prefix, marker(req), page_size(req))
    page = paged(member, found, req, lambda record: state.place(record, prefix))
    page[member] = [show(ctx, record) for record in page[member]]
    return page


def make_arn(ctx: Context, kind: state.Kind, record: Json) -> str:
    """The ARN of a role, user or customer managed policy."""
    return arn.make("iam", "", ctx.account, f"{kind}{record['path']}{record['name']}")


def check_quota(ctx: Context, kind: state.Kind) -> None:
    """One entity more must be allowed."""
    if state.count(ctx, kind) >= QUOTAS[kind]:
        raise limit(f"Cannot exceed quota for {_QUOTA_NAMES[kind]}: {QUOTAS[kind]}")


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


def existing_provider(ctx: Context, kind: state.Kind, provider_arn: str) -> Json:
    """The record of an OpenID Connect or a SAML provider. Raises NoSuchEntity, InvalidInput."""
    parts = arn.parse(provider_arn)
    if parts is None or parts.service != "iam" or not parts.resource.startswith(f"{kind}/"):
        raise AwsError("InvalidInput", f"Invalid ARN: {provider_arn}", 400)
    record = state.entity(ctx, kind, parts.resource.partition("/")[2])
    if record is None or parts.account != ctx.account:
        what = "OpenIDConnect Provider" if kind == "oidc-provider" else "Manifest"
        raise missing(f"{what} not found for arn {provider_arn}")
    return record


def existing_device(ctx: Context, serial: str) -> Json:
    """The record of a virtual MFA device. Raises NoSuchEntity."""
    record = state.entity(ctx, "mfa", serial.rpartition("/")[2])
    if record is None or make_arn(ctx, "mfa", record) != serial:
        raise missing(f"VirtualMFADevice with serial number {serial} doesn't exist.")
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


def number_marker(req: Json) -> int:
    """The number of the item that a page starts with, where items are counted. Raises ValidationError."""
    place = marker(req)
    if place and not (place.isascii() and place.isdigit() and len(place) < 10):
        raise validation("Invalid Marker.")
    return int(place or 0)


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
        policy = existing_policy(ctx, text, "Scope ARN: {} does not exist or is not attachable.")
        authority.use(ctx, text, policy)
    return text


def set_boundary(ctx: Context, kind: state.Owner, owner: Json, policy_arn: str | None) -> Json:
    """Give a user or role a permissions boundary or, with None, take it away; publish the grants. Returns the new record."""
    unbind(ctx, kind, owner)
    changed = {key: value for key, value in owner.items() if key != "boundary"}
    if policy_arn is not None:
        changed["boundary"] = policy_arn
        state.bound(ctx, kind, changed, policy_arn, 1)
    state.put(ctx, kind, changed)
    authority.publish(ctx, kind, changed)
    return changed


def unbind(ctx: Context, kind: state.Owner, owner: Json) -> None:
    """Note that a user's or role's boundary, if any, bounds it no more."""
    if "boundary" in owner:
        state.bound(ctx, kind, owner, owner["boundary"], -1)
