"""Temporary credentials of the caller itself."""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state
from .roles import shown

_USER_SECONDS = 43_200
_ROOT_SECONDS = 3600


@operation
def get_session_token(ctx: Context, req: Json) -> Json:
    """For root (an hour at most) and users. See STS API Reference, 'GetSessionToken'."""
    rules.brought(req)
    who = ctx.principal
    caller = credentials.lookup(ctx.tx, who.access_key)
    if who.kind not in ("root", "user") or (caller is not None and caller.temporary):
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    seconds = req.get("DurationSeconds", _USER_SECONDS)
    key = credentials.temporary(who, ctx.now, min(seconds, _ROOT_SECONDS) if who.kind == "root" else seconds)
    state.issue(ctx, key, {})
    return {"Credentials": shown(key)}
