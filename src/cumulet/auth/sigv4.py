"""Signature Version 4: read what a request claims about its signer, then check that the signer knew the secret.

Sources: IAM User Guide, 'AWS Signature Version 4 for API requests'; Amazon S3 API Reference, 'Authenticating Requests
(AWS Signature Version 4)'. On the hot path everything in the Authorization header but the signature is parsed once and
remembered, and signing keys are derived once per day, region and service: what is left are two hashes of the canonical
request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request

from . import canonical, failures, presign
from .payload import EMPTY_SHA256, ChunkVerifier, PayloadVerifier, Signer
from .scope import ALGORITHM, Scope, credential

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .failures import Family

__all__ = ["ChunkVerifier", "PayloadVerifier", "Signature", "check_headers", "check_time", "read", "verify"]

Kind = Literal["header", "presigned"]

UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
_SIGNED_CHUNKS = frozenset(("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"))
_CONTENT_WORDS = _SIGNED_CHUNKS | {UNSIGNED, UNSIGNED_TRAILER}
_CONTENT = "x-amz-content-sha256"
_is_digest = re.compile("[0-9a-f]{64}").fullmatch
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII).fullmatch


@dataclass(slots=True)
class Signature:
    """What a signed request claims. Nothing of it is true before `verify`.

    `stamp` is the signing time as signed and `time` the same in epoch seconds; `expires` is a presigned URL's life in
    seconds; `content` is the payload's digest, one of the words that stand for none, or None where the body itself
    must be digested.
    """

    scope: Scope
    kind: Kind
    signature: str
    stamp: str
    time: float
    expires: int | None
    token: str | None
    content: str | None

    @property
    def access_key(self) -> str:
        return self.scope.access_key

    @property
    def region(self) -> str:
        return self.scope.region

    @property
    def service(self) -> str:
        return self.scope.service

    @property
    def date(self) -> str:
        return self.scope.date

    @property
    def signed_headers(self) -> tuple[str, ...]:
        return self.scope.names


def read(request: Request, family: Family) -> Signature | None:
    """The SigV4 signature of a request, None where there is none. Raises AwsError where it is broken or foreign."""
    headers = request.headers
    authorization = headers.get("authorization")
    if request.query and presign.claimed(request.query):
        if authorization is not None and family == "s3":
            message = (
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
                "parameter or the Authorization header should be specified"
            )
            raise failures.argument("Authorization", authorization.partition(" ")[0], message)
        if authorization is None:
            return _presigned(request, family)
    if authorization is None:
        return None
    head, found, signature = authorization.rpartition("Signature=")
    if not found:
        head, signature = authorization, ""
    elif "," in signature:
        signature, _, rest = signature.partition(",")
        head += rest
    signature = signature.rstrip()
    scope = _header_scope(head, family) if len(head) <= 1024 else _read_header_scope(head, family)
    if not signature:
        raise _incomplete(family, head, ["Signature"])
    stamp = headers.get("x-amz-date")
    if stamp is None:
        stamp = _from_date(headers.get("date"), family, head)
    moment = epoch(stamp)
    if moment is None:
        raise _bad_stamp(family, head)
    if stamp[:8] != scope.date:
        raise _wrong_date(family, scope, stamp, head)
    content = headers.get(_CONTENT)
    if family == "s3":
        if content != EMPTY_SHA256:
            content = _s3_content(content)
    elif content is not None and type(request.body) is BytesBody and content != UNSIGNED:
        content = None
    token = headers.get("x-amz-security-token")
    return Signature(scope, "header", signature, stamp, moment, None, token, content)


def _presigned(request: Request, family: Family) -> Signature:
    url = presign.read(request.query, family)
    moment = epoch(url.stamp)
    if moment is None:
        raise failures.query_malformed(family, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if url.stamp[:8] != url.scope.date:
        raise _wrong_date(family, url.scope, url.stamp, "", presigned=True)
    content = request.headers.get(_CONTENT) if _CONTENT in url.scope.names else url.content
    if family == "s3":
        content = UNSIGNED if content is None else _s3_content(content)
    elif content != UNSIGNED:
        content = None
    return Signature(url.scope, "presigned", url.signature, url.stamp, moment, url.expires, url.token, content)


def check_time(signature: Signature, now: float, family: Family) -> None:
    """Raises AwsError where the signature is too old, not yet valid, or a presigned URL has expired."""
    ahead = signature.time - now
    if signature.expires is None:
        if not -failures.SKEW <= ahead <= failures.SKEW:
            raise failures.skewed(family, signature.stamp, signature.time, now)
        return
    if ahead > failures.SKEW:
        if family == "s3":
            raise AwsError("AccessDenied", "Request is not valid yet", 403)
        raise failures.skewed(family, signature.stamp, signature.time, now)
    if ahead < -signature.expires:
        if family == "s3":
            raise failures.url_expired(signature.expires, signature.time + signature.expires, now)
        raise failures.skewed(family, signature.stamp, signature.time, now, max(1, signature.expires // 60))


def check_headers(request: Request, signature: Signature, family: Family) -> None:
    """Raises AwsError where a header that must be signed is not: `host`, and for S3 every `x-amz-*` header."""
    signed = signature.scope.signed
    if "host" not in signed and (family == "s3" or ":authority" not in signed):
        raise failures.headers_not_signed(family, ["host"])
    if family == "s3":
        extra = [name for name in request.headers if name not in signed and name.startswith("x-amz-")]
        # The date is in the string to sign, and the digest in the canonical request, signed as headers or not.
        if extra and (extra := [name for name in extra if name not in ("x-amz-date", _CONTENT)]):
            raise failures.headers_not_signed(family, extra)
    else:
        for name in signature.scope.names:
            if name not in request.headers and name != ":authority":
                message = f"'{name}' is named as a SignedHeader, but it does not exist in the HTTP request."
                raise failures.coral(family, "IncompleteSignature", message)


def verify(
    request: Request, signature: Signature, secret: str, family: Family
) -> PayloadVerifier | ChunkVerifier | None:
    """Check the signature, and the body where it is here. Raises AwsError.

    What is returned must still be given the body: a PayloadVerifier its bytes, a ChunkVerifier its chunks. For
    services other than S3 whose body is still to come, the whole verdict falls at PayloadVerifier.finish.
    """
    content = signature.content
    body = request.body
    if content is None:
        if type(body) is not BytesBody:
            return PayloadVerifier(lambda digest: _check(request, signature, secret, family, digest))
        content = hashlib.sha256(body.data).hexdigest() if body.data else EMPTY_SHA256
        _check(request, signature, secret, family, content)
        return None
    _check(request, signature, secret, family, content)
    if content in _SIGNED_CHUNKS:
        scope = signature.scope
        signer = _signer(secret, scope.text)
        return ChunkVerifier(signer, signature.stamp, scope.text, signature.signature, scope.access_key)
    return digest_check(request, content, family)


def digest_check(request: Request, content: str, family: Family) -> PayloadVerifier | None:
    """Compare the body with the digest that the request claims, now or as it streams. Raises AwsError."""
    if len(content) != 64:
        return None
    body = request.body
    if type(body) is not BytesBody:
        return PayloadVerifier(lambda digest: _compare(content, digest, family))
    _compare(content, hashlib.sha256(body.data).hexdigest() if body.data else EMPTY_SHA256, family)
    return None


def _compare(content: str, digest: str, family: Family) -> None:
    if digest != content:
        raise failures.content_mismatch(family, content, digest)


def _check(request: Request, signature: Signature, secret: str, family: Family, content: str) -> None:
    scope = signature.scope
    sign = _signer(secret, scope.text).sign
    get = request.headers.get
    lines = "\n".join([f"{name}:{get(name, '').strip()}" for name in scope.names])
    if "  " in lines or "\t" in lines:
        lines = "\n".join([f"{name}:{canonical.header(get(name, ''))}" for name in scope.names])
    tail = f"{lines}\n\n{scope.signed_headers}\n{content}"
    provided = signature.signature if signature.signature.isascii() else ""
    left_out = "X-Amz-Signature" if signature.kind == "presigned" else ""
    path = (request.path or "/") if family == "s3" else canonical.path(request.path)
    query = canonical.query(request.query, left_out) if request.query else ""
    text = f"{request.method}\n{path}\n{query}\n{tail}"
    to_sign = _to_sign(signature, text)
    if hmac.compare_digest(sign(to_sign), provided):
        return
    for other_path, other_query in _other_spellings(request, family, path, query, left_out):
        again = _to_sign(signature, f"{request.method}\n{other_path}\n{other_query}\n{tail}")
        if hmac.compare_digest(sign(again), provided):
            return
    raise failures.mismatch(family, scope.access_key, signature.signature, to_sign.decode("latin-1"), text)


def _to_sign(signature: Signature, text: str) -> bytes:
    # Header values and targets are latin-1 text of the bytes that came, and those bytes were signed.
    try:
        raw = text.encode("latin-1")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", "replace")
    digest = hashlib.sha256(raw).hexdigest()
    return f"{ALGORITHM}\n{signature.stamp}\n{signature.scope.text}\n{digest}".encode("utf-8", "replace")


def _other_spellings(
    request: Request, family: Family, path: str, query: str, left_out: str
) -> Iterator[tuple[str, str]]:
    """Further canonical paths and queries: those of clients that send other characters than they sign."""
    as_sent = canonical.query_as_sent(request.query, left_out)
    other = canonical.s3_path_encoded(path) if family == "s3" else path
    if as_sent != query:
        yield path, as_sent
    if other != path:
        yield other, query
        if as_sent != query:
            yield other, as_sent


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key derived from a secret for one day, region and service."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8", "replace"), "sha256")
    return key


@lru_cache(4096)
def _signer(secret: str, scope: str) -> Signer:
    date, region, service, _ = scope.split("/")
    return Signer(signing_key(secret, date, region, service))


@lru_cache(1024)
def epoch(stamp: str) -> float | None:
    """Epoch seconds of `YYYYMMDDTHHMMSSZ`, None where `stamp` is no such moment."""
    match = _STAMP(stamp)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
        return None
    return float(timegm((year, month, day, hour, minute, second)))


def _s3_content(content: str | None) -> str:
    if content is None:
        message = "Missing required header for this request: x-amz-content-sha256"
        raise AwsError("InvalidRequest", message, 400)
    if _is_digest(content) or content in _CONTENT_WORDS:
        return content
    message = (
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER "
        "or a valid sha256 value."
    )
    raise failures.argument(_CONTENT, content, message)


def _read_header_scope(head: str, family: Family) -> Scope:
    scheme, _, rest = head.strip().partition(" ")
    if scheme != ALGORITHM:
        if scheme.startswith("AWS"):
            raise failures.unsupported(family, scheme)
        if family == "s3":
            raise failures.argument("Authorization", scheme, "Unsupported Authorization Type")
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if equals:
            fields[name.strip()] = value.strip()
        elif name:
            reason = "Invalid key=value pair (missing equal-sign) in Authorization header."
            raise failures.header_malformed(family, f'the authorization component "{name}" is malformed.', reason, head)
    missing = [name for name in ("Credential", "SignedHeaders") if not fields.get(name)]
    if scheme != ALGORITHM or missing:
        raise _incomplete(family, head, missing or ["Credential", "SignedHeaders"])
    return credential(fields["Credential"], fields["SignedHeaders"], family, head)


_header_scope = lru_cache(4096)(_read_header_scope)


def _incomplete(family: Family, head: str, missing: list[str]) -> AwsError:
    reasons = [f"Authorization header requires '{name}' parameter." for name in missing]
    s3_reason = "the authorization header requires three components: Credential, SignedHeaders, and Signature."
    return failures.header_malformed(family, s3_reason, " ".join(reasons), head)


def _from_date(date: str | None, family: Family, head: str) -> str:
    if date is not None:
        if epoch(date) is not None:
            return date
        try:
            parts = time.strptime(date.replace("GMT", "+0000"), "%a, %d %b %Y %H:%M:%S %z")
            return failures.basic(timegm(parts) - (parts.tm_gmtoff or 0))
        except (ValueError, OverflowError):
            raise _bad_stamp(family, head) from None
    raise _bad_stamp(family, head)


def _bad_stamp(family: Family, head: str) -> AwsError:
    if family == "s3":
        return AwsError("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403)
    reason = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
    return failures.header_malformed(family, "", reason, head)


def _wrong_date(family: Family, scope: Scope, stamp: str, head: str, *, presigned: bool = False) -> AwsError:
    if family == "s3":
        reason = f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{stamp[:8]}".'
        if presigned:
            return failures.query_malformed(family, reason)
        return failures.header_malformed(family, reason, "", head)
    message = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{scope.date}' != '{stamp[:8]}', from '{stamp}'."
    )
    return failures.coral(family, "SignatureDoesNotMatch", message)
