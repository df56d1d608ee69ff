"""The verdict over everything that speaks for or against a caller: IAM's flow chart, within an account and across accounts.

Sources: IAM User Guide, 'How AWS enforcement code logic evaluates requests to allow or deny access', 'Cross-account policy
evaluation logic', 'Permissions boundaries for IAM entities', 'Troubleshoot access denied error messages'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from cumulet.base.context import Principal

from .evaluate import AuthRequest, fits
from .model import Named, Statement
from .principals import DIRECT, ENTITY, NOBODY, is_federated_user

Speaker = Literal["identity", "boundary", "session", "resource", "trust", "root"]
"""Who decided: a kind of policy, or that the caller is root. `trust` is a role's trust policy."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Everything that IAM says of a caller.

    `boundary` None: there is no permissions boundary. `session` None: the session has no session policy. An empty one
    of either is one that allows nothing.
    """

    identity: Sequence[Named] = ()
    boundary: Sequence[Named] | None = None
    session: Sequence[Named] | None = None


NO_AUTHORITY: Final = Authority()


class Verdict(NamedTuple):
    """The answer. Denied with a `statement` is an explicit deny, without one an implicit deny.

    `policy` is the name of the deciding policy, `kind` what it is or, of an implicit deny, what it should have been.
    `cross_account`: the caller is of another account than the resource.
    """

    allowed: bool
    reason: str
    policy: str | None
    statement: Statement | None
    kind: Speaker
    cross_account: bool = False

    @property
    def explicit_deny(self) -> bool:
        return not self.allowed and self.statement is not None


class _Voice(NamedTuple):
    """The statement of a policy that speaks loudest: a deny, else an allow."""

    named: Named
    statement: Statement


_NAMES: Final[dict[Speaker, str]] = {
    "identity": "identity-based policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "root": "root user",
}
_WITH_ARTICLES: Final[dict[Speaker, str]] = {
    kind: ("the " if kind == "trust" else "an " if name[0] == "i" else "a ") + name for kind, name in _NAMES.items()
}
_ALLOWS: Final = {kind: f"a statement of {name} allows it" for kind, name in _WITH_ARTICLES.items()}
_DENIES: Final = {kind: f"a statement of {name} denies it" for kind, name in _WITH_ARTICLES.items()}
_SILENCE: Final = {kind: f"no {name} allows it" for kind, name in _NAMES.items()}
_UNEXPLAINED: Final = frozenset(("sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"))
_ROOT: Final = Verdict(True, "root may do everything in its account", None, None, "root")


def authorise(
    request: AuthRequest,
    authority: Authority,
    *,
    resource_policy: Named | None,
    resource_account: str,
    must_be_trusted: bool = False,
) -> Verdict:
    """May the caller do that? `resource_account` owns the resource.

    `must_be_trusted`: the resource's policy must allow it whatever identity policies say, as role trust policies and KMS
    key policies must, of root too.
    """
    who = request.principal
    cross = who.account != resource_account
    if resource_policy is None:
        if who.kind == "root" and not cross and not must_be_trusted:
            return _ROOT
        said, grade = None, NOBODY
    else:
        said, grade = _ask(resource_policy, request)
    speaker: Speaker = "trust" if must_be_trusted and request.action[:4].lower() == "sts:" else "resource"
    if said is not None and not said.statement.allow:
        return _explicit(said, speaker, cross)
    if not _has_identity(who):
        return _spoken(said, speaker, cross)
    if who.kind == "root":
        if (cross or must_be_trusted) and said is None:
            return _implicit(speaker, cross)
        return _ROOT if said is None else _spoken(said, speaker, cross)
    return _of_identity(request, authority, said, grade, needed=cross or must_be_trusted, speaker=speaker, cross=cross)


def _of_identity(
    request: AuthRequest,
    authority: Authority,
    said: _Voice | None,
    grade: int,
    *,
    needed: bool,
    speaker: Speaker,
    cross: bool,
) -> Verdict:
    """The verdict on a user, a role's session or a federated user, of whom the resource's policy said `said`."""
    identity = _weigh(authority.identity, request)
    if identity is not None and not identity.statement.allow:
        return _explicit(identity, "identity", cross)
    capped: Speaker | None = None
    if authority.boundary is not None:
        cap = _weigh(authority.boundary, request)
        if cap is None:
            capped = "boundary"
        elif not cap.statement.allow:
            return _explicit(cap, "boundary", cross)
    session = authority.session
    if session is None and is_federated_user(request.principal):
        # What sts:GetFederationToken gives without a session policy can be used only where resources' policies name it.
        session = ()
    if session is not None:
        cap = _weigh(session, request)
        if cap is None:
            capped = capped or "session"
        elif not cap.statement.allow:
            return _explicit(cap, "session", cross)
    if said is None and needed:
        return _implicit(speaker, cross)
    if said is not None and not cross and grade == DIRECT:
        return _spoken(said, speaker, cross)
    if identity is None and (cross or grade < ENTITY):
        return _implicit("identity", cross)
    if capped is not None:
        return _implicit(capped, cross)
    return _spoken(identity, "identity", cross) if identity is not None else _spoken(said, speaker, cross)


def _has_identity(who: Principal) -> bool:
    """Whether IAM knows the caller: services, strangers and a provider's users are judged by the resource's policy alone."""
    return who.kind in ("root", "user", "role") or is_federated_user(who)


def _weigh(policies: Sequence[Named], request: AuthRequest) -> _Voice | None:
    """What policies of one kind say together."""
    allowing: _Voice | None = None
    action = request.action
    for named in policies:
        denies, allows = named.policy.about(action)
        for statement in denies:
            if fits(statement, request):
                return _Voice(named, statement)
        if allowing is None:
            for statement in allows:
                if fits(statement, request):
                    allowing = _Voice(named, statement)
                    break
    return allowing


def _ask(named: Named, request: AuthRequest) -> tuple[_Voice | None, int]:
    """What a resource's policy says of the caller, and how directly it means it."""
    denies, allows = named.policy.about(request.action)
    for statement in denies:
        if _grade(statement, request) != NOBODY and fits(statement, request):
            return _Voice(named, statement), DIRECT
    best, allowing = NOBODY, None
    for statement in allows:
        grade = _grade(statement, request)
        if grade > best and fits(statement, request):
            best, allowing = grade, _Voice(named, statement)
    return allowing, best


def _grade(statement: Statement, request: AuthRequest) -> int:
    return DIRECT if statement.principals is None else statement.principals.grade(request.principal)


def _spoken(voice: _Voice | None, kind: Speaker, cross: bool) -> Verdict:
    """The verdict of a statement that allows, or of none that does."""
    if voice is None:
        return Verdict(False, _SILENCE[kind], None, None, kind, cross)
    return Verdict(True, _ALLOWS[kind], voice.named.name, voice.statement, kind, cross)


def _explicit(voice: _Voice, kind: Speaker, cross: bool) -> Verdict:
    return Verdict(False, _DENIES[kind], voice.named.name, voice.statement, kind, cross)


def _implicit(kind: Speaker, cross: bool) -> Verdict:
    return Verdict(False, _SILENCE[kind], None, None, kind, cross)


def denial(verdict: Verdict, request: AuthRequest, *, quoted: bool = False) -> str:
    """What a refused caller is told, in AWS's words. `quoted`: as S3 says it.

    SQS and SNS spell actions in their own way. S3 tells strangers and callers of other accounts nothing; STS gives no
    reasons, so that nobody learns which roles there are.
    """
    action, who, resource = _spelled(request.action), request.principal, request.resource
    if quoted and (verdict.cross_account or who.kind == "anonymous"):
        return "Access Denied"
    if action == "sts:AssumeRoleWithWebIdentity":
        return f"Not authorized to perform {action}"
    told = f"User: {who.arn if who.kind != 'anonymous' else 'anonymous'} is not authorized to perform: {action}"
    if resource and resource != "*":
        told += f' on resource: "{resource}"' if quoted else f" on resource: {resource}"
    return told + _because(verdict, action)


def _because(verdict: Verdict, action: str) -> str:
    if action in _UNEXPLAINED:
        return ""
    if verdict.cross_account and verdict.kind == "resource" and action.startswith("kms:"):
        return (
            " because the resource does not exist in this Region, no resource-based policies allow access, "
            "or a resource-based policy explicitly denies access"
        )
    if verdict.explicit_deny:
        return f" with an explicit deny in {_WITH_ARTICLES[verdict.kind]}"
    return f" because no {_NAMES[verdict.kind]} allows the {action} action"


def _spelled(action: str) -> str:
    service, _, name = action.partition(":")
    if service == "sqs":
        return action.lower()
    return f"SNS:{name}" if service == "sns" else action
