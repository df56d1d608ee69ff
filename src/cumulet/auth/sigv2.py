"""S3's Signature Version 2 in query strings, which boto3 still presigns with unless it is told otherwise.

Source: Amazon S3 User Guide (API version 2006-03-01), 'Signing and Authenticating REST Requests', section 'Query
String Request Authentication Alternative'. SigV2 Authorization headers are refused, as S3 refuses them for new
buckets.
"""

from __future__ import annotations

import base64
import hmac
from typing import NamedTuple
from urllib.parse import unquote_plus

from cumulet.base.errors import AwsError
from cumulet.base.messages import Request

from . import canonical, failures

# fmt: off
_SUBRESOURCES = frozenset((
    "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory", "lifecycle",
    "location", "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication",
    "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "restore", "retention", "select",
    "select-type", "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website",
))
# fmt: on


class Presigned(NamedTuple):
    """What the URL says; `expires` is in epoch seconds."""

    access_key: str
    signature: str
    expires: int
    token: str | None


def claimed(query: str) -> bool:
    """Whether a raw query string looks like a SigV2 presigned one."""
    return "AWSAccessKeyId=" in query or ("Signature=" in query and "Expires=" in query)


def read(request: Request) -> Presigned:
    """The signing parameters. Raises AwsError."""
    found = {}
    for part in request.query.split("&"):
        name, _, value = part.partition("=")
        found[name] = unquote_plus(value)
    access_key, signature, expires = (found.get(name) for name in ("AWSAccessKeyId", "Signature", "Expires"))
    if not access_key or not signature or not expires:
        message = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise AwsError("AccessDenied", message, 403)
    if not (expires.isascii() and expires.isdigit()) or len(expires) > 12:
        raise AwsError("AccessDenied", f"Invalid date (should be seconds since epoch): {expires[:64]}", 403)
    token = found.get("x-amz-security-token") or request.headers.get("x-amz-security-token")
    return Presigned(access_key, signature, int(expires), token)


def check_time(url: Presigned, now: float) -> None:
    """Raises AwsError where the URL has expired."""
    if now > url.expires:
        members = {"Expires": failures.iso(url.expires), "ServerTime": failures.iso(now)}
        raise AwsError("AccessDenied", "Request has expired", 403, members=members)


def verify(request: Request, url: Presigned, secret: str) -> None:
    """Raises AwsError SignatureDoesNotMatch."""
    provided = url.signature.encode("utf-8", "replace")
    first = ""
    for resource in _resources(request):
        to_sign = _to_sign(request, url, resource)
        raw = to_sign.encode("latin-1", "replace")
        expected = base64.b64encode(hmac.digest(secret.encode(), raw, "sha1"))
        if hmac.compare_digest(expected, provided):
            return
        first = first or to_sign
    raise failures.mismatch("s3", url.access_key, url.signature, first)


def _resources(request: Request) -> list[str]:
    """The resource by path and, where the Host's first label is a bucket, by that: the signature tells which."""
    host = request.headers.get("host", "").partition(":")[0]
    label = host.partition(".")[0]
    resources = [request.path]
    if "." in host and label:
        resources.append(f"/{label}{request.path}")
        for suffix in (".s3.", ".localhost"):
            bucket = host.rpartition(suffix)[0]
            if bucket and bucket != label:
                resources.append(f"/{bucket}{request.path}")
    return resources


def _to_sign(request: Request, url: Presigned, resource: str) -> str:
    headers = request.headers
    amz = {name: canonical.header(value) for name, value in headers.items() if name.startswith("x-amz-")}
    sub = []
    for part in request.query.split("&"):
        name, equals, value = part.partition("=")
        if name == "x-amz-security-token" or (name.startswith("x-amz-") and name not in amz):
            amz[name] = unquote_plus(value)
        elif name in _SUBRESOURCES:
            sub.append(f"{name}={unquote_plus(value)}" if equals and value else name)
    lines = [
        request.method,
        headers.get("content-md5", ""),
        headers.get("content-type", ""),
        str(url.expires),
        *(f"{name}:{value}" for name, value in sorted(amz.items())),
        resource + ("?" + "&".join(sorted(sub)) if sub else ""),
    ]
    return "\n".join(lines)
