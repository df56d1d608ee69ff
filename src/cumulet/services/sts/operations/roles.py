"""Credentials of a role: for whoever its trust policy lets in."""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base import arn
from cumulet.base.context import Principal
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def assume_role(ctx: Context, req: Json) -> Json:
    """The trust policy decides; unlike on AWS it may let root in. See STS API Reference, 'AssumeRole'."""
    session, packed = rules.brought(req)
    role = rules.trusted_role(ctx, req)
    key = _issue(ctx, req, role, rules.seconds(ctx, req, role), session)
    result: Json = {
        "Credentials": shown(key),
        "AssumedRoleUser": {"AssumedRoleId": key.principal.user_id, "Arn": key.principal.arn},
    }
    if packed is not None:
        result["PackedPolicySize"] = packed
    if "SourceIdentity" in session:
        result["SourceIdentity"] = session["SourceIdentity"]
    return result


@operation(internal=True, data=True)
def issue_service_credentials(ctx: Context, req: Json) -> Json:
    """For a service that acts in a role's name: the calling service principal must be one that the role trusts.

    Takes RoleArn, RoleSessionName, DurationSeconds; returns AccessKeyId, SecretAccessKey, SessionToken, Expiration (epoch
    seconds). Raises AccessDenied.
    """
    role = rules.trusted_role(ctx, req)
    return shown(_issue(ctx, req, role, req.get("DurationSeconds", rules.DEFAULT_SECONDS), {}))


def _issue(ctx: Context, req: Json, role: Json, seconds: int, session: Json) -> credentials.AccessKey:
    name = req["RoleSessionName"]
    tags = {tag["Key"]: tag["Value"] for tag in [*role["Tags"], *session.get("Tags", [])]}
    principal = Principal(
        "role",
        role["Account"],
        arn.make("sts", "", role["Account"], f"assumed-role/{role['RoleName']}/{name}"),
        f"{role['RoleId']}:{name}",
        role["RoleName"],
        name,
        tags=tags,
    )
    key = credentials.temporary(principal, ctx.now, seconds)
    state.issue(ctx, key, session)
    return key


def shown(key: credentials.AccessKey) -> Json:
    """Credentials as STS shows them."""
    assert key.expires is not None
    return {
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
        "Expiration": int(key.expires),
    }
