"""What STS keeps beside the access keys themselves (auth.credentials): when they end, and the key of encoded messages.

expiry   end in ms, access key id → nothing: keys in the order in which they end
secret                            → the key under which authorization messages of all accounts are sealed
"""

from __future__ import annotations

import os

from cumulet.auth import credentials
from cumulet.kernel.context import Context
from cumulet.store import keys

_GRACE = 86_400.0
"""Seconds that an expired key is remembered, so that its user is told ExpiredToken and not of an unknown key."""

_SWEEP = 4
_SECRET = keys.space("", "", "sts") + keys.pack("secret")


def issue(ctx: Context, key: credentials.AccessKey) -> None:
    """Store temporary credentials, so that they work, and forget a few that ended long ago: as many come as go."""
    assert key.expires is not None
    _sweep(ctx)
    credentials.store(ctx.tx, key)
    ctx.tx.put(_expiry(ctx) + keys.pack(int(key.expires * 1000), key.id), b"")


def secret(ctx: Context) -> bytes:
    """The key of encoded messages, made when it is first asked for."""
    found = ctx.tx.get(_SECRET)
    if found is None:
        found = os.urandom(32)
        ctx.tx.put(_SECRET, found)
    return found


def _sweep(ctx: Context) -> None:
    space = _expiry(ctx)
    until = space + keys.pack(int((ctx.now - _GRACE) * 1000))
    for place, _ in ctx.tx.range(keys.bounds(space)[0], until, _SWEEP):
        credentials.remove(ctx.tx, str(keys.unpack(place[len(space) :])[1]))
        ctx.tx.delete(place)


def _expiry(ctx: Context) -> bytes:
    return keys.space(ctx.account, "", "sts") + keys.pack("expiry")
