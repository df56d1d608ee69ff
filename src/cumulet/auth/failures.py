"""Authentication's refusals, in the words, codes and statuses of each family of services.

Sources: Amazon S3 API Reference, 'Error responses'; IAM User Guide, 'Troubleshoot Signature Version 4 signing for AWS
API requests'; the 'Common errors' pages of the query and JSON services.
"""

from __future__ import annotations

import base64
import hashlib
import time
from functools import lru_cache
from typing import Any, Literal

from cumulet.base.errors import AwsError

Family = Literal["s3", "query", "json", "rest-json"]
"""How a service words its authentication errors."""

SKEW = 900
"""Seconds by which a signature's time may differ from ours."""

_FAMILIES: dict[str, Family] = {
    "json": "json",
    "smithy-rpc-v2-cbor": "json",
    "rest-json": "rest-json",
    "query": "query",
    "ec2": "query",
    "rest-xml": "query",
}
# The code in the query services' form; JSON services append "Exception" unless they have a name of their own.
_JSON_CODES = {
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
}
_MISMATCH = "The request signature we calculated does not match the signature you provided. "


@lru_cache(256)
def family(protocol: str, service: str) -> Family:
    """The family of a service (botocore's folder name) spoken to in a wire protocol."""
    return "s3" if service == "s3" else _FAMILIES.get(protocol, "json")


def coral(kind: Family, code: str, message: str) -> AwsError:
    """A refusal of any service but S3; `code` is the query services' form of the name."""
    if kind == "query":
        return AwsError(code, message, 400 if code == "IncompleteSignature" else 403)
    return AwsError(_JSON_CODES.get(code, code + "Exception"), message, 403 if kind == "rest-json" else 400)


def missing_token(kind: Family) -> AwsError:
    """The request carries no signature where it needs one."""
    if kind == "s3":
        return AwsError("AccessDenied", "Access Denied", 403)
    message = "Request is missing Authentication Token" if kind == "query" else "Missing Authentication Token"
    return coral(kind, "MissingAuthenticationToken", message)


def unknown_key(kind: Family, access_key: str) -> AwsError:
    """No such access key, or an inactive one, or a temporary one used without its token."""
    if kind == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403, members={"AWSAccessKeyId": access_key})
    return coral(kind, "InvalidClientTokenId", "The security token included in the request is invalid.")


def wrong_token(kind: Family, token: str) -> AwsError:
    """The session token is not the one that was issued with this access key."""
    if kind == "s3":
        message = "The provided token is malformed or otherwise invalid."
        return AwsError("InvalidToken", message, 400, members={"Token-0": token})
    return coral(kind, "InvalidClientTokenId", "The security token included in the request is invalid.")


def expired_token(kind: Family, token: str) -> AwsError:
    """The temporary credentials have died of age."""
    if kind == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", 400, members={"Token-0": token})
    return coral(kind, "ExpiredToken", "The security token included in the request is expired")


def mismatch(kind: Family, access_key: str, provided: str, to_sign: str, canonical: str = "") -> AwsError:
    """The signature is not what we calculate. S3 shows its work in the error's members."""
    if kind != "s3":
        advice = "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        return coral(kind, "SignatureDoesNotMatch", _MISMATCH + advice)
    members: dict[str, Any] = {
        "AWSAccessKeyId": access_key,
        "StringToSign": to_sign,
        "SignatureProvided": provided,
        "StringToSignBytes": _spaced(to_sign),
    }
    if canonical:
        members["CanonicalRequest"] = canonical
        members["CanonicalRequestBytes"] = _spaced(canonical)
    return AwsError("SignatureDoesNotMatch", _MISMATCH + "Check your key and signing method.", 403, members=members)


def skewed(kind: Family, stamp: str, signed: float, now: float, minutes: int = SKEW // 60) -> AwsError:
    """The signature's time is too far from ours. `stamp` is the time as it was signed, `YYYYMMDDTHHMMSSZ`."""
    if kind == "s3":
        members = {"RequestTime": stamp, "ServerTime": iso(now), "MaxAllowedSkewMilliseconds": str(SKEW * 1000)}
        message = "The difference between the request time and the current time is too large."
        return AwsError("RequestTimeTooSkewed", message, 403, members=members)
    if signed < now:
        bound = basic(now - minutes * 60)
        message = f"Signature expired: {stamp} is now earlier than {bound} ({basic(now)} - {minutes} min.)"
    else:
        bound = basic(now + minutes * 60)
        message = f"Signature not yet current: {stamp} is still later than {bound} ({basic(now)} + {minutes} min.)"
    return coral(kind, "SignatureDoesNotMatch", message)


def url_expired(expires: int, end: float, now: float) -> AwsError:
    """An S3 presigned URL past its end (seconds since the epoch)."""
    members = {"X-Amz-Expires": str(expires), "Expires": iso(end), "ServerTime": iso(now)}
    return AwsError("AccessDenied", "Request has expired", 403, members=members)


def header_malformed(kind: Family, s3_reason: str, reason: str, authorization: str) -> AwsError:
    """The Authorization header does not say what it must; `authorization` itself is shown only as a digest."""
    if kind == "s3":
        return AwsError("AuthorizationHeaderMalformed", f"The authorization header is malformed; {s3_reason}", 400)
    digest = base64.b64encode(hashlib.sha256(authorization.encode("utf-8", "replace")).digest()).decode()
    return coral(
        kind,
        "IncompleteSignature",
        f"{reason} (Hashed with SHA-256 and encoded with Base64) Authorization={digest}",
    )


def query_malformed(kind: Family, message: str) -> AwsError:
    """The parameters of a presigned URL do not say what they must."""
    if kind == "s3":
        return AwsError("AuthorizationQueryParametersError", message, 400)
    return coral(kind, "IncompleteSignature", message)


def unsupported(kind: Family, scheme: str) -> AwsError:
    """Another way to sign (SigV2 headers, SigV4A's elliptic curves) than the one we verify."""
    if kind == "s3":
        message = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        return AwsError("InvalidRequest", message, 400)
    return coral(kind, "IncompleteSignature", f"Unsupported AWS 'algorithm': '{scheme[:64]}'.")


def headers_not_signed(kind: Family, names: list[str]) -> AwsError:
    """Headers that must be signed are not among SignedHeaders."""
    if kind == "s3":
        message = "There were headers present in the request which were not signed"
        return AwsError("AccessDenied", message, 403, members={"HeadersNotSigned": ", ".join(names)})
    message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    return coral(kind, "SignatureDoesNotMatch", message)


def argument(name: str, value: str, message: str) -> AwsError:
    """S3's InvalidArgument."""
    return AwsError("InvalidArgument", message, 400, members={"ArgumentName": name, "ArgumentValue": value})


def content_mismatch(kind: Family, claimed: str, computed: str) -> AwsError:
    """The body is not the one whose digest was signed."""
    if kind != "s3":
        return mismatch(kind, "", "", "")
    message = "The provided 'x-amz-content-sha256' header does not match what was computed."
    members = {"ClientComputedContentSHA256": claimed, "S3ComputedContentSHA256": computed}
    return AwsError("XAmzContentSHA256Mismatch", message, 400, members=members)


def iso(seconds: float) -> str:
    """`2026-01-01T00:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def basic(seconds: float) -> str:
    """`20260101T000000Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def _spaced(text: str) -> str:
    return text.encode("utf-8", "replace").hex(" ")
