"""The credential scope: for which key, day, region and service a signature was made, and over which headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import failures

if TYPE_CHECKING:
    from .failures import Family

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINAL = "aws4_request"
_REGION = re.compile(r"[A-Za-z0-9-]{1,63}")


@dataclass(frozen=True, slots=True)
class Scope:
    """`text` is `date/region/service/aws4_request`; `names` are the signed headers, lower-case, in the order signed, `signed` the
    same as a set."""

    access_key: str
    date: str
    region: str
    service: str
    text: str
    names: tuple[str, ...]
    signed: frozenset[str]
    signed_headers: str


def credential(text: str, signed_headers: str, family: Family, authorization: str | None) -> Scope:
    """Read `AKID/YYYYMMDD/REGION/SERVICE/aws4_request`. `authorization` is None for a URL. Raises AwsError."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or not all(parts[:4]) or len(parts[1]) != 8 or not parts[1].isdigit():
        reason = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        raise _malformed(
            family,
            reason,
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got '{text[:256]}'.",
            authorization,
        )
    access_key, date, region, service, terminal = parts
    if terminal != TERMINAL:
        raise _malformed(
            family,
            f'incorrect terminal "{terminal}". This endpoint uses "{TERMINAL}".',
            f"Credential should be scoped with a valid terminator: '{TERMINAL}', not '{terminal}'.",
            authorization,
        )
    if _REGION.fullmatch(region) is None:
        # Any name that SDKs take for a region is one; ARNs and keys of the store are made of it.
        raise _malformed(
            family,
            f"the region '{region[:64]}' is wrong; expecting 'us-east-1'",
            "Credential should be scoped to a valid region.",
            authorization,
        )
    names = tuple(signed_headers.lower().split(";"))
    text = f"{date}/{region}/{service}/{TERMINAL}"
    return Scope(access_key, date, region, service, text, names, frozenset(names), ";".join(names))


def check_service(scope: Scope, expected: str, family: Family, *, presigned: bool) -> None:
    """Raises AwsError where the signature was not made for the service asked (`expected`: its signing name)."""
    if scope.service == expected:
        return
    if family == "s3":
        reason = f'incorrect service "{scope.service}". This endpoint belongs to "{expected}".'
        raise _malformed(family, reason, "", None if presigned else "")
    message = f"Credential should be scoped to correct service: '{expected}'. "
    raise failures.coral(family, "SignatureDoesNotMatch", message)


def _malformed(family: Family, s3_reason: str, reason: str, authorization: str | None) -> Exception:
    if authorization is not None:
        return failures.header_malformed(family, s3_reason, reason, authorization)
    if family == "s3":
        return failures.query_malformed(family, f"Error parsing the X-Amz-Credential parameter; {s3_reason}")
    return failures.query_malformed(family, reason)
