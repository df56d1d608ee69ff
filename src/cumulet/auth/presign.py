"""The parameters of a presigned URL.

Source: Amazon S3 API Reference, 'Authenticating Requests: Using Query Parameters'.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_plus

from . import failures
from .failures import SKEW, Family
from .scope import ALGORITHM, Scope, credential

MAX_EXPIRES = 604_800
_REQUIRED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")


class Presigned(NamedTuple):
    """What the URL says; `expires` in seconds, `content` is its X-Amz-Content-Sha256 if it has one."""

    scope: Scope
    signature: str
    stamp: str
    expires: int
    token: str | None
    content: str | None


def claimed(query: str) -> bool:
    """Whether a raw query string looks like a SigV4 presigned one."""
    return bool(query) and ("X-Amz-Signature=" in query or "X-Amz-Algorithm=" in query or "X-Amz-Credential=" in query)


def read(query: str, family: Family) -> Presigned:
    """The signing parameters of a raw query string. Raises AwsError."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith("X-Amz-"):
            found.setdefault(name, unquote_plus(value))
    algorithm = found.get("X-Amz-Algorithm")
    if algorithm is not None and algorithm != ALGORITHM:
        if algorithm.startswith("AWS4-ECDSA"):
            raise failures.unsupported(family, algorithm)
        message = 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'
        raise failures.query_malformed(family, message)
    required = (*_REQUIRED, "X-Amz-Expires") if family == "s3" else _REQUIRED
    missing = [name for name in required if not found.get(name)]
    if missing:
        raise _missing(missing, family)
    scope = credential(found["X-Amz-Credential"], found["X-Amz-SignedHeaders"], family, None)
    expires = _expires(found.get("X-Amz-Expires"), family)
    token = found.get("X-Amz-Security-Token")
    return Presigned(
        scope, found["X-Amz-Signature"], found["X-Amz-Date"], expires, token, found.get("X-Amz-Content-Sha256")
    )


def _missing(names: list[str], family: Family) -> Exception:
    if family == "s3":
        message = (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    else:
        message = " ".join(f"AWS query-string parameters must include '{name}'." for name in names)
    return failures.query_malformed(family, message)


def _expires(text: str | None, family: Family) -> int:
    if text is None:
        return SKEW
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise failures.query_malformed(family, "X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise failures.query_malformed(family, "X-Amz-Expires must be non-negative")
    if seconds > MAX_EXPIRES:
        message = (
            "X-Amz-Expires must be less than a week (in seconds); that is, "
            "the given X-Amz-Expires must be less than 604800 seconds"
        )
        raise failures.query_malformed(family, message)
    return seconds
