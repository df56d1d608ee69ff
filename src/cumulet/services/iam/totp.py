"""One-time passwords of virtual MFA devices. Source: RFC 6238, as authenticator apps apply it: SHA-1, six digits, 30 seconds."""

from __future__ import annotations

import base64
import hmac
import os

STEP = 30
_DRIFT = 1


def secret() -> str:
    """A new seed in base 32."""
    return base64.b32encode(os.urandom(40)).decode()


def code(seed: str, counter: int) -> str:
    """The code of a period."""
    digest = hmac.digest(base64.b32decode(seed), counter.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def verify(seed: str, given: str, now: float, used: int) -> int | None:
    """The period that a code belongs to, if that is now or next to now and later than `used`; else None."""
    current = int(now) // STEP
    for counter in range(current - _DRIFT, current + _DRIFT + 1):
        if counter > used and hmac.compare_digest(code(seed, counter).encode(), given.encode()):
            return counter
    return None


def verify_two(seed: str, first: str, second: str, now: float) -> int | None:
    """The period of the second of two codes that follow each other, the first of them not long ago; else None."""
    current = int(now) // STEP
    for counter in range(current - _DRIFT - 1, current + _DRIFT + 1):
        fits = hmac.compare_digest(code(seed, counter).encode(), first.encode())
        if fits and hmac.compare_digest(code(seed, counter + 1).encode(), second.encode()):
            return counter + 1
    return None
