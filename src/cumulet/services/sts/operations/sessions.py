"""Temporary credentials of users and of root: their own, or those of somebody whom they vouch for."""

from __future__ import annotations

from dataclasses import replace

from cumulet.auth import credentials
from cumulet.base import arn
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import state
from ..sessions import brought
from .roles import check_mfa
from .shown import shown

_USER_SECONDS = 43_200
_ROOT_SECONDS = 3600


@operation
def get_session_token(ctx: Context, req: Json) -> Json:
    """For root (an hour at most) and users. See STS API Reference, 'GetSessionToken'."""
    brought(ctx, {name: req[name] for name in req if name == "MinimumSessionTokenSize"}, ctx.account)
    who = _long_term(ctx, "GetSessionToken")
    mfa = check_mfa(ctx, req)
    key = replace(credentials.temporary(who, ctx.now, _seconds(who, req)), mfa=mfa)
    state.issue(ctx, key)
    return {"Credentials": shown(key)}


@operation
def get_federation_token(ctx: Context, req: Json) -> Json:
    """The caller's rights as far as session policies let them through; without any, none.

    See STS API Reference, 'GetFederationToken'.
    """
    issuer = _long_term(ctx, "GetFederationToken")
    session = brought(ctx, req, ctx.account)
    name = req["Name"]
    federated = arn.make("sts", "", ctx.account, f"federated-user/{name}")
    if session.tags:
        refused = ctx.refusal("sts:TagSession", federated, {"aws:TagKeys": list(session.tags)})
        if refused is not None:
            raise refused
    user_id = f"{ctx.account}:{name}"
    principal = Principal(
        "federated", ctx.account, federated, user_id, issuer.name, name, tags={**issuer.tags, **session.tags}
    )
    key = replace(
        credentials.temporary(principal, ctx.now, _seconds(issuer, req)),
        session_policies=session.policies,
        session_tags=session.tags,
        issuer=issuer.user_id,
    )
    state.issue(ctx, key)
    result: Json = {"Credentials": shown(key), "FederatedUser": {"FederatedUserId": user_id, "Arn": federated}}
    return result if session.packed is None else {**result, "PackedPolicySize": session.packed}


def _long_term(ctx: Context, action: str) -> Principal:
    """The caller, who must be a user or root with a long-term key. Raises AccessDenied."""
    who = ctx.principal
    caller = credentials.lookup(ctx.readable, who.access_key) if who.access_key else None
    if who.kind not in ("root", "user") or (caller is not None and caller.temporary):
        raise AwsError("AccessDenied", f"Cannot call {action} with session credentials", 403)
    return who


def _seconds(who: Principal, req: Json) -> int:
    wanted: int = req.get("DurationSeconds", _USER_SECONDS)
    return min(wanted, _ROOT_SECONDS) if who.kind == "root" else wanted
