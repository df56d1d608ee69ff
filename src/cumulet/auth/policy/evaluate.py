"""The decision over statements: an explicit deny wins, then an allow, else nothing was said.

Source: IAM User Guide, 'Policy evaluation logic'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from cumulet.base.context import Principal

from .context import global_keys
from .match import Context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Policy, Statement

__all__ = ["AuthRequest", "Decision", "Effect", "allows", "applies", "decide", "fits", "global_keys"]

Effect = Literal["Allow", "Deny", "None"]

_NO_KEYS: Context = {}


class AuthRequest(NamedTuple):
    """May `principal` do `action` (`s3:GetObject`) to `resource` (an ARN or `*`) under these condition keys?"""

    action: str
    resource: str
    principal: Principal
    context: Context = _NO_KEYS


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
    if statement.principals is not None and not statement.principals(request.principal):
        return False
    return fits(statement, request)


def fits(statement: Statement, request: AuthRequest) -> bool:
    """Whether Resource and Condition fit; Action and Principal have been asked already."""
    resources = statement.resources
    if resources is not None and not resources(request.resource, request.context):
        return False
    for condition in statement.conditions:  # noqa: SIM110  a generator costs more than most conditions
        if not condition(request.context):
            return False
    return True


def allows(policy: Policy, action: str, resource: str, principal: Principal, context: Context | None = None) -> bool:
    """Whether a resource's policy (a trust policy too) by itself lets the principal in, with the keys it brings."""
    keys = dict(global_keys(principal))
    if context:
        keys.update(context)
    return decide(policy.statements, AuthRequest(action, resource, principal, keys)).allowed
