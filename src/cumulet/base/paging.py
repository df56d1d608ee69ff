"""Opaque page tokens: the place where the next page starts, in a form that clients pass back and cannot mistake."""

from __future__ import annotations

import base64
import binascii


def encode(position: bytes) -> str:
    """A token for a position in an ordered range."""
    return base64.urlsafe_b64encode(b"\x01" + position).decode().rstrip("=")


def decode(token: str) -> bytes | None:
    """The position in a token, or None where the token is not one of ours."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw[1:] if raw[:1] == b"\x01" else None
