"""May this caller do this? What speaks for and against is gathered here; `auth.policy` decides.

Root may do everything in its account, a service acting on its own behalf is judged by the operation, which knows the resource's
policy, and everybody else by what IAM has given: identity policies, permissions boundary, session policies. Modes: `enforce`;
`warn` logs what enforce would refuse; `off` asks nothing.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cumulet.auth.grants import Named
from cumulet.auth.policy.authorise import Authority, Verdict, authorise, denial
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.auth.policy.explain import explain
from cumulet.base.arn import parse as parse_arn
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json

from .access import Check, Keys
from .rights import authority, session_keys
from .service import Handler

if TYPE_CHECKING:
    from .context import Context

log = logging.getLogger(__name__)

_ALLOWED_KINDS = frozenset(("root", "service"))
_DENIED_CODES = {"s3": "AccessDenied", "iam": "AccessDenied", "sts": "AccessDenied"}


class Judged(NamedTuple):
    """A question that was answered. Thousands are kept: of what was allowed only the verdict, of a refusal its explanation."""

    principal: Principal
    action: str
    resource: str
    verdict: Verdict
    explanation: Json | None = None

    def explained(self) -> Json:
        """What was decided and why."""
        if self.explanation is not None:
            return self.explanation
        return explain(self.verdict, AuthRequest(self.action, self.resource, self.principal))


def judged(request: AuthRequest, rights: Authority, verdict: Verdict, policy: Named | None = None) -> Judged:
    """The record of an answer that rests on these rights and on the resource's policy."""
    explanation = None if verdict.allowed else explain(verdict, request, rights, policy)
    return Judged(request.principal, request.action, request.resource, verdict, explanation)


def check(ctx: Context, handler: Handler, params: Json) -> None:
    """Raise AwsError, in AWS's words, where the context's principal may not call the operation."""
    kind = ctx.principal.kind
    if kind in _ALLOWED_KINDS or handler.internal:
        return
    if kind == "anonymous":
        if not handler.anonymous:
            raise AwsError("AccessDenied", "Access Denied", 403)
        return
    if ctx.machine.settings.iam == "off":
        return
    if handler.access is None:
        # What no table names, no policy can allow.
        raise _refusal(ctx, f"User: {ctx.principal.arn} is not authorized to perform: {ctx.service}:{handler.name}")
    for one in handler.access.checks(ctx, params):
        refused = judge(ctx, one)
        if refused is not None:
            raise refused


def judge(ctx: Context, what: Check) -> AwsError | None:
    """None where the caller may, else what to tell it; the verdict is kept in the context for the audit."""
    principal = ctx.principal
    if principal.kind in _ALLOWED_KINDS or ctx.machine.settings.iam == "off":
        return None
    rights = authority(ctx.readable, principal)
    request = AuthRequest(what.action, what.resource, principal, _context(ctx, what))
    arn = parse_arn(what.resource)
    owner = arn.account if arn is not None and arn.account else principal.account
    verdict = authorise(request, rights, resource_policy=what.policy, resource_account=owner)
    ctx.verdicts.append(judged(request, rights, verdict, what.policy))
    if verdict.allowed:
        return None
    refused = _refusal(ctx, denial(verdict, request, quoted=ctx.service == "s3"))
    if ctx.machine.settings.iam == "enforce":
        return refused
    log.warning("iam warn: %s (request %s)", refused.message, ctx.request_id)
    return None


def _context(ctx: Context, what: Check) -> LazyContext:
    request = ctx.request
    return LazyContext(
        ctx.principal,
        now=ctx.now,
        region=ctx.region,
        source_ip=request.peer if request is not None else "",
        secure=request.secure if request is not None else None,
        more=partial(_more, ctx, what),
    )


def _more(ctx: Context, what: Check) -> Keys:
    keys = session_keys(ctx.readable, ctx.principal, ctx.now)
    keys |= what.keys() if callable(what.keys) else what.keys
    if ctx.request is not None and "user-agent" in ctx.request.headers:
        keys["aws:UserAgent"] = ctx.request.headers["user-agent"]
    return keys


def _refusal(ctx: Context, message: str) -> AwsError:
    code = _DENIED_CODES.get(ctx.service, "AccessDeniedException")
    return AwsError(code, message, 403 if ctx.service in ("s3", "iam", "sts", "lambda") else 400)
