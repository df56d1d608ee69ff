"""Why a verdict is what it is: the statement that decided, and every other that was looked at with what kept it out.

For the audit record, `cumulet iam why` and sts:DecodeAuthorizationMessage. Nothing here is on the way of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cumulet.base.types import Json

from .authorise import NO_AUTHORITY, Authority, Verdict
from .conditions import Condition
from .evaluate import AuthRequest
from .model import Named, Statement


def explain(
    verdict: Verdict, request: AuthRequest, authority: Authority = NO_AUTHORITY, resource_policy: Named | None = None
) -> Json:
    """The verdict as a plain dict, ready for JSON.

    `decision` (`allow`, `explicit deny`, `implicit deny`), `reason`, `kind` and `policy` of what decided, `statement` as
    its author wrote it, `principal`, `action`, `resource`, `keys` (the condition keys that the statements read) and
    `looked_at`: dicts of `kind`, `policy`, `statement` (its Sid or its number), `effect`, `matches` and `because`.
    Without `authority` and `resource_policy` nothing was looked at.
    """
    looked_at = list(_looked_at(request, authority, resource_policy))
    return {
        "decision": "allow" if verdict.allowed else "explicit deny" if verdict.explicit_deny else "implicit deny",
        "reason": verdict.reason,
        "kind": verdict.kind,
        "policy": verdict.policy,
        "statement": verdict.statement.source if verdict.statement is not None else None,
        "principal": request.principal.arn,
        "action": request.action,
        "resource": request.resource,
        "cross_account": verdict.cross_account,
        "keys": _keys(request, authority, resource_policy),
        "looked_at": looked_at,
    }


def lines(explained: Json) -> list[str]:
    """An explanation as text, a line a fact."""
    out = [
        f"{explained['decision']}: {explained['principal']} {explained['action']} on {explained['resource']}",
        f"because {explained['reason']}",
    ]
    if explained["policy"] is not None:
        sid = explained["statement"].get("Sid") or "without a Sid"
        out.append(f"decided by {explained['kind']} policy {explained['policy']}, statement {sid}")
    for seen in explained["looked_at"]:
        if seen["statement"] is None:
            out.append(f"  {seen['kind']} {seen['policy']}: {seen['because']}")
        else:
            fits = "matches" if seen["matches"] else "does not match"
            told = f"  {seen['kind']} {seen['policy']}, {seen['effect']} {seen['statement']}: {fits}"
            out.append(f"{told}, {seen['because']}" if seen["because"] else told)
    return out


def _looked_at(request: AuthRequest, authority: Authority, resource_policy: Named | None) -> Iterator[Json]:
    for kind, policies in _by_kind(authority, resource_policy):
        if not policies:
            yield _seen(kind, "(none)", "it allows nothing")
        for named in policies:
            silent = True
            for number, statement in enumerate(named.policy.statements, 1):
                if statement.actions(request.action):
                    silent = False
                    because = _obstacle(statement, request)
                    yield _seen(kind, named.name, because or "", statement, number)
            if silent:
                yield _seen(kind, named.name, f"no statement is about {request.action}")


def _by_kind(authority: Authority, resource_policy: Named | None) -> Iterator[tuple[str, Sequence[Named]]]:
    yield from (("identity", [named]) for named in authority.identity)
    if authority.boundary is not None:
        yield "boundary", authority.boundary
    if authority.session is not None:
        yield "session", authority.session
    if resource_policy is not None:
        yield "resource", [resource_policy]


def _seen(kind: str, policy: str, because: str, statement: Statement | None = None, number: int = 0) -> Json:
    return {
        "kind": kind,
        "policy": policy,
        "statement": None if statement is None else statement.sid or f"#{number}",
        "effect": None if statement is None else "Allow" if statement.allow else "Deny",
        "matches": statement is not None and not because,
        "because": because,
    }


def _obstacle(statement: Statement, request: AuthRequest) -> str | None:
    """What keeps a statement about the action from fitting the request, None where nothing does."""
    principals, resources = statement.principals, statement.resources
    if principals is not None and not principals(request.principal):
        return f"{'NotPrincipal' if principals.negated else 'Principal'} does not mean {request.principal.arn}"
    if resources is not None and not resources(request.resource, request.context):
        name = "NotResource" if resources.negated else "Resource"
        return f"{name} {_shown(statement.source[name])} does not cover {request.resource}"
    for condition in statement.conditions:
        if not condition(request.context):
            return _unmet(condition, statement, request)
    return None


def _unmet(condition: Condition, statement: Statement, request: AuthRequest) -> str:
    values = request.context.get(condition.key)
    has = "is not in the request" if values is None else f"is {_shown(values)}"
    for key, wanted in statement.source["Condition"][condition.operator].items():
        if key.lower() == condition.key:
            return f"{condition.operator} wants {_shown(wanted)}, {key} {has}"
    return f"{condition.operator}: {condition.key} {has}"


def _shown(value: Any) -> str:
    values = value if isinstance(value, list) else [value]
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return texts[0] if len(texts) == 1 else f"one of {', '.join(texts)}" if texts else "nothing"


def _keys(request: AuthRequest, authority: Authority, resource_policy: Named | None) -> dict[str, list[str] | None]:
    found: dict[str, list[str] | None] = {}
    for _, policies in _by_kind(authority, resource_policy):
        for named in policies:
            for statement in named.policy.statements:
                if statement.actions(request.action):
                    found |= {one.key: request.context.get(one.key) for one in statement.conditions}
    return found
