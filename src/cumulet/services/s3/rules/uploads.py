"""What may be said of an object when it is written: headers that are stored, and headers that are refused.

Sources: Amazon S3 API Reference, PutObject; Amazon S3 User Guide, 'Working with object metadata'.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from cumulet.base.errors import AwsError
from cumulet.base.types import Json

from ..engine import tags
from ..errors import invalid_argument, invalid_request, not_implemented

MAX_OBJECT = 5 * 1024**3
"""Bytes of one PutObject, UploadPart or CopyObject."""
MAX_METADATA = 2048
DEFAULT_TYPE = "binary/octet-stream"
STORED = frozenset(
    {
        "CacheControl",
        "ContentDisposition",
        "ContentEncoding",
        "ContentLanguage",
        "ContentType",
        "Expires",
        "WebsiteRedirectLocation",
    }
)
STORAGE_CLASSES = frozenset(
    {
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    }
)
_CANNED = frozenset(
    {
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    }
)
_LOCK = frozenset({"ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus"})
_GRANTS = frozenset({"GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"})
_CUSTOMER_KEY = frozenset(
    {
        "SSECustomerAlgorithm",
        "SSECustomerKey",
        "SSECustomerKeyMD5",
        "CopySourceSSECustomerAlgorithm",
        "CopySourceSSECustomerKey",
        "CopySourceSSECustomerKeyMD5",
    }
)
_MISSING = {
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "SSEKMSEncryptionContext": "x-amz-server-side-encryption-context",
    "WriteOffsetBytes": "x-amz-write-offset-bytes",
    "ObjectLockEventHold": "x-amz-object-lock-event-hold",
    "ObjectLockEventHoldDurationDays": "x-amz-object-lock-event-hold-duration-days",
    "ObjectLockEventHoldDurationYears": "x-amz-object-lock-event-hold-duration-years",
    "AnnotationDirective": "x-amz-object-annotation-directive",
    "MFA": "x-amz-mfa",
}
_SPECIAL = (
    _LOCK
    | _GRANTS
    | _CUSTOMER_KEY
    | _MISSING.keys()
    | {"ACL", "ServerSideEncryption", "StorageClass", "WebsiteRedirectLocation"}
)


def refuse(req: Mapping[str, Any]) -> None:
    """Raise for what an object cannot have here: ACLs, locks, keys of one's own, unknown storage classes."""
    if _SPECIAL.isdisjoint(req):
        return
    for name in req:
        if name in _GRANTS:
            raise no_acl()
        if name in _LOCK:
            raise invalid_request("Bucket is missing Object Lock Configuration")
        if name in _CUSTOMER_KEY:
            raise not_implemented("x-amz-server-side-encryption-customer-algorithm")
        if name in _MISSING:
            raise not_implemented(_MISSING[name])
    _acl(req.get("ACL"))
    _encryption(req.get("ServerSideEncryption"))
    if req.get("StorageClass", "STANDARD") not in STORAGE_CLASSES:
        raise AwsError("InvalidStorageClass", "The storage class you specified is not valid", 400)
    redirect = req.get("WebsiteRedirectLocation")
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise AwsError("InvalidRedirectLocation", message, 400)


def no_acl() -> AwsError:
    """400: buckets enforce their owner's ownership of every object."""
    return AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)


def _acl(acl: str | None) -> None:
    if acl in (None, "private", "bucket-owner-full-control"):
        return
    if acl not in _CANNED:
        raise invalid_argument("", "x-amz-acl", str(acl))
    raise no_acl()


def _encryption(kind: str | None) -> None:
    if kind in (None, "AES256"):
        return
    if kind in ("aws:kms", "aws:kms:dsse", "aws:fsx", "aws:backup"):
        raise not_implemented("x-amz-server-side-encryption")
    message = "The encryption request you specified is not valid. Supported value: AES256."
    raise AwsError("InvalidEncryptionAlgorithmError", message, 400)


def described(req: Mapping[str, Any]) -> Json:
    """The members of an object's record that the request's headers give: headers, metadata, tags, storage class."""
    headers: Json = {}
    record: Json = {"headers": headers}
    for name, value in req.items():
        if name in STORED:
            headers[name] = value
        elif name == "Metadata":
            if value:
                record["meta"] = metadata(value)
        elif name == "Tagging" and value:
            record["tags"] = tags.from_header(value)
        elif name == "StorageClass" and value != "STANDARD":
            record["class"] = value
    if "ContentType" not in headers:
        headers["ContentType"] = DEFAULT_TYPE
    encoding = headers.get("ContentEncoding")
    if encoding is not None and "aws-chunked" in encoding:
        left = [one for part in encoding.split(",") if (one := part.strip()) and one != "aws-chunked"]
        if left:
            headers["ContentEncoding"] = ",".join(left)
        else:
            del headers["ContentEncoding"]
    return record


def metadata(given: Mapping[str, str]) -> dict[str, str]:
    """User metadata as text: bytes beyond ASCII came as UTF-8. Raises AwsError MetadataTooLarge beyond 2 KB."""
    size = 0
    stored = {}
    for name, value in given.items():
        text = value
        if not value.isascii():
            try:
                text = value.encode("latin-1").decode()
            except UnicodeError:
                text = value
        size += len(name) + len(text.encode())
        stored[name] = text
    if size > MAX_METADATA:
        members = {"Size": str(size), "MaxSizeAllowed": str(MAX_METADATA)}
        message = "Your metadata headers exceed the maximum allowed metadata size"
        raise AwsError("MetadataTooLarge", message, 400, members=members)
    return stored


def printed(meta: Mapping[str, str]) -> dict[str, str]:
    """User metadata as headers carry it: RFC 2047 words where it is not ASCII."""
    return {name: value if value.isascii() else _word(value) for name, value in meta.items()}


def _word(text: str) -> str:
    return f"=?UTF-8?B?{b64encode(text.encode()).decode()}?="


def too_large(size: int) -> AwsError:
    """400: more than 5 GiB at once."""
    members = {"ProposedSize": str(size), "MaxSizeAllowed": str(MAX_OBJECT)}
    return AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400, members=members)


def check_length(length: int | None) -> None:
    """Raise MissingContentLength or EntityTooLarge for a body that is about to be read."""
    if length is None:
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    if length > MAX_OBJECT:
        raise too_large(length)
