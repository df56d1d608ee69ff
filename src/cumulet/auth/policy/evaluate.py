"""The decision over statements: an explicit deny wins, then an allow, else nothing was said.

Source: IAM User Guide, 'Policy evaluation logic'.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cumulet.base.context import Principal

    from .match import Context
    from .parse import Policy, Statement

Effect = Literal["Allow", "Deny", "None"]

_TYPES = {
    "root": "Account",
    "user": "User",
    "role": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """May `principal` do `action` (`s3:GetObject`) to `resource` (an ARN or `*`) under these condition keys?"""

    action: str
    resource: str
    principal: Principal
    context: Context = field(default_factory=dict)


class Decision(NamedTuple):
    """`None` is an implicit deny: no statement spoke. `statement` is the one that decided."""

    effect: Effect
    statement: Statement | None

    @property
    def allowed(self) -> bool:
        return self.effect == "Allow"


_SILENCE = Decision("None", None)


def decide(statements: Iterable[Statement], request: AuthRequest) -> Decision:
    """The verdict of these statements alone."""
    decision = _SILENCE
    for statement in statements:
        if statement.allow and decision.statement is not None:
            continue
        if applies(statement, request):
            if not statement.allow:
                return Decision("Deny", statement)
            decision = Decision("Allow", statement)
    return decision


def applies(statement: Statement, request: AuthRequest) -> bool:
    """Whether every element of the statement fits the request."""
    if not statement.actions(request.action):
        return False
    if statement.resources is not None and not statement.resources(request.resource, request.context):
        return False
    if statement.principals is not None and not statement.principals(request.principal):
        return False
    return all(condition(request.context) for condition in statement.conditions)


def allows(policy: Policy, action: str, resource: str, principal: Principal, context: Context | None = None) -> bool:
    """Whether a resource's policy (a trust policy too) by itself lets the principal in, with the keys it brings."""
    keys = dict(global_keys(principal))
    if context:
        keys.update(context)
    return decide(policy.statements, AuthRequest(action, resource, principal, keys)).allowed


def global_keys(
    principal: Principal,
    *,
    now: float | None = None,
    region: str = "",
    source_ip: str = "",
    secure: bool | None = None,
    more: Mapping[str, str | list[str]] | None = None,
) -> Context:
    """The global condition keys of a call, lower-case. IAM User Guide, 'AWS global condition context keys'."""
    keys: dict[str, list[str]] = {"aws:principalisawsservice": ["true" if principal.kind == "service" else "false"]}
    if principal.kind == "service":
        keys["aws:principalservicename"] = [principal.name]
        if principal.source_arn:
            keys["aws:sourcearn"] = [principal.source_arn]
        if principal.source_account:
            keys["aws:sourceaccount"] = [principal.source_account]
    elif principal.kind != "anonymous":
        keys["aws:principalarn"] = [_principal_arn(principal)]
        keys["aws:principalaccount"] = [principal.account]
        keys["aws:userid"] = [principal.user_id]
        if principal.kind == "user":
            keys["aws:username"] = [principal.name]
    if principal.kind in _TYPES:
        keys["aws:principaltype"] = [_TYPES[principal.kind]]
    for name, value in principal.tags.items():
        keys["aws:principaltag/" + name.lower()] = [value]
    if now is not None:
        keys["aws:currenttime"] = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))]
        keys["aws:epochtime"] = [str(int(now))]
    for name, text in (("aws:requestedregion", region), ("aws:sourceip", source_ip)):
        if text:
            keys[name] = [text]
    if secure is not None:
        keys["aws:securetransport"] = ["true" if secure else "false"]
    for name, values in (more or {}).items():
        keys[name.lower()] = [values] if isinstance(values, str) else values
    return keys


def _principal_arn(principal: Principal) -> str:
    # For a role session the key holds the role's ARN, not the session's.
    if principal.kind == "role":
        return f"arn:aws:iam::{principal.account}:role/{principal.name}"
    return principal.arn
