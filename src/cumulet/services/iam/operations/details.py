"""Everything that an account has, entity by entity. See IAM API Reference, 'GetAccountAuthorizationDetails'."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from cumulet.base import paging
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import managed, rules, state
from . import describe

_BATCH = 50

_Walk = Callable[[Context, str], Iterator[tuple[str, Json]]]


@operation
def get_account_authorization_details(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """Users, groups, roles, then policies: of AWS's own those that are in use.

    See IAM API Reference, 'GetAccountAuthorizationDetails'.
    """
    wanted = req.get("Filter") or list(_WALKS)
    result: Json = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    most, last = int(req.get("MaxItems", rules.PAGE)), ""
    begun, _, past = rules.marker(req).partition(":")
    for what, (member, walk) in _WALKS.items():
        if what not in wanted or (begun and what != begun):
            continue
        begun = ""
        for place, shown in walk(ctx, past):
            if most == 0:
                return {**result, "IsTruncated": True, "Marker": paging.encode(last.encode())}
            result[member].append(shown)
            most, last = most - 1, f"{what}:{place}"
            yield
        past = ""
    return {**result, "IsTruncated": False}


def _entities(ctx: Context, kind: state.Kind, past: str) -> Iterator[tuple[str, Json]]:
    while True:
        page, last = state.entities(ctx, kind, "/", past, _BATCH)
        for record in page:
            yield state.place(record, "/"), record
        if len(page) < _BATCH:
            return
        past = last


def _users(ctx: Context, past: str) -> Iterator[tuple[str, Json]]:
    for place, user in _entities(ctx, "user", past):
        shown = describe.user(ctx, user)
        shown["GroupList"] = [name for _, name in state.parts(ctx, "membership", user["id"], "", state.MANY)]
        shown["UserPolicyList"] = _inline(ctx, user)
        shown["AttachedManagedPolicies"] = _attached(ctx, user)
        yield place, shown


def _groups(ctx: Context, past: str) -> Iterator[tuple[str, Json]]:
    for place, group in _entities(ctx, "group", past):
        shown = describe.group(ctx, group)
        yield (
            place,
            {**shown, "GroupPolicyList": _inline(ctx, group), "AttachedManagedPolicies": _attached(ctx, group)},
        )


def _roles(ctx: Context, past: str) -> Iterator[tuple[str, Json]]:
    for place, role in _entities(ctx, "role", past):
        shown = describe.role(ctx, role)
        for member in ("Description", "MaxSessionDuration", "MaxSigninSessionDuration"):
            shown.pop(member, None)
        profiles = [
            describe.instance_profile(ctx, rules.existing(ctx, "instance-profile", name), brief=True)
            for _, name in state.parts(ctx, "profile", role["id"], "", state.MANY)
        ]
        shown["InstanceProfileList"] = profiles
        shown["RolePolicyList"] = _inline(ctx, role)
        shown["AttachedManagedPolicies"] = _attached(ctx, role)
        yield place, {**shown, "RoleLastUsed": {}}


def _own_policies(ctx: Context, past: str) -> Iterator[tuple[str, Json]]:
    for place, policy in _entities(ctx, "policy", past):
        shown = describe.policy(ctx, rules.make_arn(ctx, "policy", policy), policy)
        shown.pop("Tags", None)
        versions = [
            _version(policy, number, version["document"], version["created"])
            for number, version in state.versions(ctx, policy)
        ]
        yield place, {**shown, "PolicyVersionList": versions}


def _aws_policies(ctx: Context, past: str) -> Iterator[tuple[str, Json]]:
    for arn, policy in managed.catalog().items():
        place = policy["name"].lower()
        if place <= past or not (state.attachments(ctx, arn) or state.boundaries(ctx, arn)):
            continue
        shown = describe.policy(ctx, arn, policy)
        version = _version(policy, policy["default"], managed.document(arn), policy["updated"])
        yield place, {**shown, "PolicyVersionList": [version]}


_WALKS: dict[str, tuple[str, _Walk]] = {
    "User": ("UserDetailList", _users),
    "Group": ("GroupDetailList", _groups),
    "Role": ("RoleDetailList", _roles),
    "LocalManagedPolicy": ("Policies", _own_policies),
    "AWSManagedPolicy": ("Policies", _aws_policies),
}


def _inline(ctx: Context, owner: Json) -> list[Json]:
    return [
        {"PolicyName": name, "PolicyDocument": rules.escaped(document)}
        for name, document in state.inlines(ctx, owner, "", state.MANY)
    ]


def _attached(ctx: Context, owner: Json) -> list[Json]:
    return [{"PolicyName": name, "PolicyArn": arn} for arn, name in state.attached(ctx, owner, "", state.MANY)]


def _version(policy: Json, number: int, document: str, created: float) -> Json:
    return {
        "VersionId": f"v{number}",
        "IsDefaultVersion": number == policy["default"],
        "CreateDate": created,
        "Document": rules.escaped(document),
    }
