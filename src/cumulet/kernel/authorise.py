"""May this caller do this? What speaks for and against is gathered here; `auth.policy` decides.

Root may do everything in its account, a service acting on its own behalf is judged by the operation, which knows the resource's
policy, and everybody else by what IAM has given: identity policies, permissions boundary, session policies. Modes: `enforce`;
`warn` logs what enforce would refuse; `off` asks nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cumulet.auth import credentials, grants
from cumulet.auth.grants import Grants, Named
from cumulet.auth.policy import parse
from cumulet.auth.policy.authorise import NO_AUTHORITY, Authority, Verdict, authorise, denial
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.auth.policy.explain import explain
from cumulet.base.arn import parse as parse_arn
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.store.api import Reader

from .access import Check, Keys
from .service import Handler

if TYPE_CHECKING:
    from .context import Context

log = logging.getLogger(__name__)

_ALLOWED_KINDS = frozenset(("root", "service"))
_DENIED_CODES = {"s3": "AccessDenied", "iam": "AccessDenied", "sts": "AccessDenied"}


class Judged(NamedTuple):
    """A question that was answered, with what the answer rests on."""

    request: AuthRequest
    authority: Authority
    verdict: Verdict


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
    verdict = authorise(request, rights, resource_policy=None, resource_account=owner)
    ctx.verdicts.append(Judged(request, rights, verdict))
    if verdict.allowed:
        return None
    refused = _refusal(ctx, denial(verdict, request, quoted=ctx.service == "s3"))
    if ctx.machine.settings.iam == "enforce":
        return refused
    log.warning("iam warn: %s (request %s)", refused.message, ctx.request_id)
    return None


def authority(reader: Reader, principal: Principal) -> Authority:
    """Everything that IAM says of a user, a role's session or a federated user."""
    found = of(reader, principal)
    if found is None:
        return NO_AUTHORITY
    boundary = _managed(reader, [found.boundary]) if found.boundary is not None else None
    return Authority(_identity(reader, principal.account, found), boundary, _session(reader, principal))


def of(reader: Reader, principal: Principal) -> Grants | None:
    """The grants of the user or role behind a principal; None where it is gone, even if a namesake is there."""
    kind: grants.Kind = "role" if principal.kind == "role" else "user"
    found = grants.of(reader, principal.account, kind, principal.name)
    # A role's session is known as `AROA…:session`, a user's temporary key as the user.
    return found if found is not None and found.id == principal.user_id.partition(":")[0] else None


def _identity(reader: Reader, account: str, found: Grants) -> list[Named]:
    policies = [*found.inline, *_managed(reader, found.attached)]
    for name in found.groups:
        group = grants.of(reader, account, "group", name)
        if group is not None:
            policies += group.inline
            policies += _managed(reader, group.attached)
    return policies


def _managed(reader: Reader, arns: Iterable[str]) -> list[Named]:
    return [found for arn in arns if (found := grants.policy(reader, arn)) is not None]


def _session(reader: Reader, principal: Principal) -> list[Named] | None:
    key = credentials.lookup(reader, principal.access_key) if principal.access_key else None
    if key is None or not key.session_policies:
        return None
    named = []
    for text in key.session_policies:
        if text.startswith("arn:"):
            named += _managed(reader, [text])
        else:
            named.append(Named("session policy", parse.parse(text, "identity")))
    return named


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
    keys = dict(what.keys() if callable(what.keys) else what.keys)
    if ctx.request is not None and "user-agent" in ctx.request.headers:
        keys["aws:UserAgent"] = ctx.request.headers["user-agent"]
    return keys


def _refusal(ctx: Context, message: str) -> AwsError:
    code = _DENIED_CODES.get(ctx.service, "AccessDeniedException")
    return AwsError(code, message, 403 if ctx.service in ("s3", "iam", "sts", "lambda") else 400)


def explained(judged: Judged) -> Json:
    """What was decided and why, for the audit."""
    found: Json = explain(judged.verdict, judged.request, judged.authority)
    return found
