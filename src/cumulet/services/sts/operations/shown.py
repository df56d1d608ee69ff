"""Credentials as STS shows them."""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base.types import Json


def shown(key: credentials.AccessKey) -> Json:
    """A Credentials structure, of a key that has just been made."""
    assert key.expires is not None
    return {
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
        "Expiration": int(key.expires),
    }
