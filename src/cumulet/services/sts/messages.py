"""Encoded authorization messages: packed, bound to an account, and sealed so that nobody can make one up."""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib

_SEAL = 32
_LARGEST = 64 * 1024


def sealed(text: str, account: str, secret: bytes) -> str:
    """The encoded form of a message."""
    packed = zlib.compress(text.encode(), 9)
    return base64.urlsafe_b64encode(_seal(packed, account, secret) + packed).decode().rstrip("=")


def opened(encoded: str, account: str, secret: bytes) -> str | None:
    """The message in an encoded form, or None where that is not one of this account's."""
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    seal, packed = raw[:_SEAL], raw[_SEAL:]
    if not hmac.compare_digest(seal, _seal(packed, account, secret)):
        return None
    return zlib.decompressobj().decompress(packed, _LARGEST).decode()


def _seal(packed: bytes, account: str, secret: bytes) -> bytes:
    return hmac.digest(secret, account.encode() + b"\x00" + packed, "sha256")
