"""What STS keeps beside the access keys themselves (auth.credentials): what a session brings along, and when it ends.

session  access key id           → session policies, tags, source identity; only where there are any
expiry   end in ms, access key id → nothing: keys in the order in which they end
"""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store import keys, records

_GRACE = 86_400.0
"""Seconds that an expired key is remembered, so that its user is told ExpiredToken and not of an unknown key."""

_SWEEP = 4


def issue(ctx: Context, key: credentials.AccessKey, session: Json) -> None:
    """Store temporary credentials, so that they work, and forget a few that ended long ago: as many come as go."""
    assert key.expires is not None
    _sweep(ctx)
    credentials.store(ctx.tx, key)
    ctx.tx.put(_space(ctx, "expiry") + keys.pack(int(key.expires * 1000), key.id), b"")
    if session:
        ctx.tx.put(_space(ctx, "session") + keys.pack(key.id), records.encode(session))


def session(ctx: Context, key_id: str) -> Json:
    """What the session of a key brought along: Policy, PolicyArns, Tags, TransitiveTagKeys, SourceIdentity."""
    raw = ctx.tx.get(_space(ctx, "session") + keys.pack(key_id))
    return dict(records.decode(raw)) if raw is not None else {}


def _sweep(ctx: Context) -> None:
    space = _space(ctx, "expiry")
    until = space + keys.pack(int((ctx.now - _GRACE) * 1000))
    for place, _ in ctx.tx.range(keys.bounds(space)[0], until, _SWEEP):
        key_id = str(keys.unpack(place[len(space) :])[1])
        credentials.remove(ctx.tx, key_id)
        ctx.tx.delete(_space(ctx, "session") + keys.pack(key_id))
        ctx.tx.delete(place)


def _space(ctx: Context, kind: str) -> bytes:
    return keys.space(ctx.account, "", "sts") + keys.pack(kind)
