"""Credentials of a role: for whoever its trust policy lets in."""

from __future__ import annotations

from dataclasses import replace

from cumulet.auth import credentials
from cumulet.base import arn
from cumulet.base.context import Principal
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import state, tokens, trust
from ..sessions import Brought, brought
from .shown import shown

_SECONDS = 3600


@operation
def assume_role(ctx: Context, req: Json) -> Json:
    """The trust policy decides; unlike on AWS it may let root in. See STS API Reference, 'AssumeRole'."""
    session = brought(ctx, req, trust.role_account(req["RoleArn"]))
    mfa = check_mfa(ctx, req)
    role = trust.trusted_role(ctx, req, session)
    key = _issue(ctx, req, role, _seconds(ctx, req, role), session, mfa)
    return _answer(key, session)


@operation(anonymous=True)
def assume_role_with_web_identity(ctx: Context, req: Json) -> Json:
    """No signature is needed, the token speaks; none is known to be good yet. See STS API Reference, 'AssumeRoleWithWebIdentity'."""
    tokens.refuse(ctx, req["WebIdentityToken"], trust.role_account(req["RoleArn"]))


@operation(internal=True, data=True)
def issue_service_credentials(ctx: Context, req: Json) -> Json:
    """For a service that acts in a role's name: the calling service principal must be one that the role trusts.

    Takes RoleArn, RoleSessionName, DurationSeconds; returns AccessKeyId, SecretAccessKey, SessionToken, Expiration (epoch
    seconds). Raises AccessDenied.
    """
    session = Brought()
    role = trust.trusted_role(ctx, req, session)
    return shown(_issue(ctx, req, role, req.get("DurationSeconds", _SECONDS), session, None))


def check_mfa(ctx: Context, req: Json) -> float | None:
    """When the one-time password of a request was given: now, or None where it has none. Raises AccessDenied."""
    if not (req.get("SerialNumber") or req.get("TokenCode")):
        return None
    code = {"SerialNumber": req.get("SerialNumber", ""), "TokenCode": req.get("TokenCode", "")}
    ctx.call("iam", "CheckTokenCode", code)
    return ctx.now


def _seconds(ctx: Context, req: Json, role: Json) -> int:
    """How long a session lasts. Raises ValidationError."""
    wanted: int = req.get("DurationSeconds", _SECONDS)
    if wanted > role["MaxSessionDuration"]:
        raise trust.validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if ctx.principal.kind == "role" and wanted > _SECONDS:
        raise trust.validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return wanted


def _issue(
    ctx: Context, req: Json, role: Json, seconds: int, session: Brought, mfa: float | None
) -> credentials.AccessKey:
    name = req["RoleSessionName"]
    mine = {tag.lower() for tag in session.tags}
    tags = {tag["Key"]: tag["Value"] for tag in role["Tags"] if tag["Key"].lower() not in mine}
    principal = Principal(
        "role",
        role["Account"],
        arn.make("sts", "", role["Account"], f"assumed-role/{role['RoleName']}/{name}"),
        f"{role['RoleId']}:{name}",
        role["RoleName"],
        name,
        tags={**tags, **session.tags},
    )
    key = replace(
        credentials.temporary(principal, ctx.now, seconds),
        session_policies=session.policies,
        session_tags=session.tags,
        transitive_tags=session.transitive,
        source_identity=session.source_identity,
        mfa=mfa,
    )
    state.issue(ctx, key)
    return key


def _answer(key: credentials.AccessKey, session: Brought) -> Json:
    result: Json = {
        "Credentials": shown(key),
        "AssumedRoleUser": {"AssumedRoleId": key.principal.user_id, "Arn": key.principal.arn},
    }
    if session.packed is not None:
        result["PackedPolicySize"] = session.packed
    if session.source_identity:
        result["SourceIdentity"] = session.source_identity
    return result
