"""Whether a role lets a caller in: its trust policy must, and within reach of IAM's other policies the caller's own as well.

Source: IAM User Guide, 'Roles terms and concepts', 'Policy evaluation logic'.
"""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.auth.policy.authorise import NO_AUTHORITY, Authority, authorise, denial
from cumulet.auth.policy.evaluate import AuthRequest, global_keys
from cumulet.auth.policy.model import Named, Policy
from cumulet.auth.policy.parse import parse
from cumulet.base import arn
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.authorise import judged
from cumulet.kernel.context import Context
from cumulet.kernel.rights import authority

from .sessions import Brought

_NOBODY = Policy("2012-10-17", "", ())
_ANYTHING = parse('{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', "identity")
_MAY_ALL = Authority([Named("--iam off", _ANYTHING)])


def validation(message: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", message, 400)


def role_account(role_arn: str) -> str:
    """The account of a role's ARN. Raises ValidationError for what is none."""
    parts = arn.parse(role_arn)
    if parts is None or parts.service != "iam" or not parts.resource.startswith("role/"):
        raise validation(f"{role_arn} is invalid")
    return parts.account


def trusted_role(ctx: Context, req: Json, session: Brought) -> Json:
    """The role that a request names, as iam:RoleForTrust gives it, if the caller may assume it.

    Raises AccessDenied for a role that refuses and for one that does not exist: the caller cannot tell which.
    """
    role_arn, account = req["RoleArn"], role_account(req["RoleArn"])
    who = ctx.principal
    try:
        role = ctx.call("iam", "RoleForTrust", {"RoleArn": role_arn}, account=account)
        policy = parse(role["AssumeRolePolicyDocument"], "trust")
    except AwsError as err:
        if err.code != "NoSuchEntity":
            raise
        role, policy = {}, _NOBODY
    context = global_keys(
        who,
        now=ctx.now,
        region=ctx.region,
        source_ip=ctx.request.peer if ctx.request is not None else "",
        secure=ctx.request.secure if ctx.request is not None else None,
        more=_keys(ctx, req, session, role),
    )
    mine = _authority(ctx, who)
    for one in _actions(session):
        request = AuthRequest(one, role_arn, who, context)
        trust = Named(role_arn, policy)
        verdict = authorise(request, mine, resource_policy=trust, resource_account=account, must_be_trusted=True)
        ctx.verdicts.append(judged(request, mine, verdict, trust))
        if not verdict.allowed:
            raise AwsError("AccessDenied", denial(verdict, request), 403)
    return {**role, "Account": account}


def _authority(ctx: Context, who: Principal) -> Authority:
    if who.kind not in ("user", "role", "federated"):
        return NO_AUTHORITY
    return authority(ctx.readable, who) if ctx.machine.settings.iam == "enforce" else _MAY_ALL


def _actions(session: Brought) -> list[str]:
    actions = ["sts:AssumeRole"]
    if session.tags:
        actions.append("sts:TagSession")
    if session.source_identity:
        actions.append("sts:SetSourceIdentity")
    return actions


def _keys(ctx: Context, req: Json, session: Brought, role: Json) -> dict[str, str | list[str]]:
    keys: dict[str, str | list[str]] = {"sts:RoleSessionName": req["RoleSessionName"]}
    if "ExternalId" in req:
        keys["sts:ExternalId"] = req["ExternalId"]
    if session.source_identity:
        keys["sts:SourceIdentity"] = session.source_identity
    if session.transitive:
        keys["sts:TransitiveTagKeys"] = list(session.transitive)
    if session.tags:
        keys["aws:TagKeys"] = list(session.tags)
    for name, value in session.tags.items():
        keys[f"aws:RequestTag/{name}"] = value
    for tag in role.get("Tags", ()):
        keys[f"iam:ResourceTag/{tag['Key']}"] = keys[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
    return {**keys, **_mfa(ctx, req)}


def _mfa(ctx: Context, req: Json) -> dict[str, str | list[str]]:
    """The keys of one-time passwords: given now, or when the caller's own session began. Long-term keys have none."""
    key = credentials.lookup(ctx.readable, ctx.principal.access_key) if ctx.principal.access_key else None
    since = ctx.now if "TokenCode" in req else key.mfa if key is not None else None
    if since is not None:
        return {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": str(int(ctx.now - since))}
    return {"aws:MultiFactorAuthPresent": "false"} if key is not None and key.temporary else {}
