"""What each S3 operation needs. Source: Service Authorization Reference, 'Actions, resources, and condition keys for Amazon S3'."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from urllib.parse import parse_qsl

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.access import FREE, Access, Check, Keys
from cumulet.kernel.context import Context

from .operations.copy import source
from .state import buckets, objects

BUCKET = "arn:aws:s3:::{Bucket}"
OBJECT = "arn:aws:s3:::{Bucket}/{Key}"

_HEADERS = {
    "ACL": "s3:x-amz-acl",
    "StorageClass": "s3:x-amz-storage-class",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "VersionId": "s3:VersionId",
    "CopySource": "s3:x-amz-copy-source",
    "MetadataDirective": "s3:x-amz-metadata-directive",
}


def _listing(ctx: Context, req: Json) -> Keys:
    keys = {"s3:prefix": req.get("Prefix") or ""}
    if req.get("Delimiter"):
        keys["s3:delimiter"] = req["Delimiter"]
    if req.get("MaxKeys") is not None:
        keys["s3:max-keys"] = str(req["MaxKeys"])
    return keys


def _reading(ctx: Context, req: Json) -> Keys:
    keys = {"s3:VersionId": req["VersionId"]} if req.get("VersionId") else {}
    bucket = buckets.find(ctx.readable, req["Bucket"])
    record = objects.find(ctx.readable, bucket, req["Key"]) if bucket is not None else None
    for name, value in _pairs((record or {}).get("tags")):
        keys[f"s3:ExistingObjectTag/{name}"] = value
    return keys


def _writing(ctx: Context, req: Json) -> Keys:
    keys = {key: str(req[name]) for name, key in _HEADERS.items() if req.get(name)}
    for name, value in _pairs(parse_qsl(req.get("Tagging") or "", keep_blank_values=True)):
        keys[f"s3:RequestObjectTag/{name}"] = value
    return keys


def _pairs(tags: object) -> list[tuple[str, str]]:
    if isinstance(tags, dict):
        return list(tags.items())
    return [(str(name), str(value)) for name, value in tags] if isinstance(tags, list) else []


def _headers(ctx: Context, req: Json) -> Iterable[Check]:
    """Tags and ACLs in the headers of an upload need permissions of their own."""
    arn = f"arn:aws:s3:::{req['Bucket']}/{req['Key']}"
    if req.get("Tagging"):
        yield Check("s3:PutObjectTagging", arn)
    if req.get("ACL") or any(name.startswith("Grant") for name in req):
        yield Check("s3:PutObjectAcl", arn)


def _source(ctx: Context, req: Json) -> Iterable[Check]:
    try:
        found = source(req["CopySource"])
    except (AwsError, KeyError):
        return  # the operation refuses it in S3's words
    action = "s3:GetObject" if found.version is None else "s3:GetObjectVersion"
    yield Check(action, f"arn:aws:s3:::{found.bucket}/{found.key}")
    yield from _headers(ctx, req)


def _read(action: str) -> Access:
    return Access(action, OBJECT, keys=_reading)


def _version(plain: str, versioned: str) -> Access:
    """An action on the current object, or with a version id on a version. The null version counts as one, as in S3."""

    def also(ctx: Context, req: Json) -> Iterable[Check]:
        action = versioned if req.get("VersionId") else plain
        yield Check(action, f"arn:aws:s3:::{req['Bucket']}/{req['Key']}", partial(_reading, ctx, req))

    return Access(plain, _nowhere, also=also)


def _nowhere(ctx: Context, req: Json) -> list[str]:
    return []


_PUT = Access("s3:PutObject", OBJECT, keys=_writing, also=_headers)
_COPY = Access("s3:PutObject", OBJECT, keys=_writing, also=_source)
_LIST = Access("s3:ListBucket", BUCKET, keys=_listing)


def _attributes(ctx: Context, req: Json) -> Iterable[Check]:
    yield Check("s3:GetObjectAttributes", f"arn:aws:s3:::{req['Bucket']}/{req['Key']}")


TABLE: dict[str, Access] = {
    "AbortMultipartUpload": Access("s3:AbortMultipartUpload", OBJECT),
    "CompleteMultipartUpload": Access("s3:PutObject", OBJECT),
    "CopyObject": _COPY,
    "CreateBucket": Access("s3:CreateBucket", BUCKET),
    "CreateMultipartUpload": _PUT,
    "DeleteBucket": Access("s3:DeleteBucket", BUCKET),
    "DeleteBucketCors": Access("s3:PutBucketCORS", BUCKET),
    "DeleteBucketEncryption": Access("s3:PutEncryptionConfiguration", BUCKET),
    "DeleteBucketLifecycle": Access("s3:PutLifecycleConfiguration", BUCKET),
    "DeleteBucketPolicy": Access("s3:DeleteBucketPolicy", BUCKET),
    "DeleteBucketReplication": Access("s3:PutReplicationConfiguration", BUCKET),
    "DeleteBucketTagging": Access("s3:PutBucketTagging", BUCKET),
    "DeleteBucketWebsite": Access("s3:DeleteBucketWebsite", BUCKET),
    "DeleteObject": _version("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "DeleteObjects": FREE,  # each key is judged, and answered, for itself
    "DeleteObjectTagging": _version("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    "GetBucketAccelerateConfiguration": Access("s3:GetAccelerateConfiguration", BUCKET),
    "GetBucketAcl": Access("s3:GetBucketAcl", BUCKET),
    "GetBucketCors": Access("s3:GetBucketCORS", BUCKET),
    "GetBucketEncryption": Access("s3:GetEncryptionConfiguration", BUCKET),
    "GetBucketLifecycleConfiguration": Access("s3:GetLifecycleConfiguration", BUCKET),
    "GetBucketLocation": Access("s3:GetBucketLocation", BUCKET),
    "GetBucketLogging": Access("s3:GetBucketLogging", BUCKET),
    "GetBucketNotificationConfiguration": Access("s3:GetBucketNotification", BUCKET),
    "GetBucketOwnershipControls": Access("s3:GetBucketOwnershipControls", BUCKET),
    "GetBucketPolicy": Access("s3:GetBucketPolicy", BUCKET),
    "GetBucketPolicyStatus": Access("s3:GetBucketPolicyStatus", BUCKET),
    "GetBucketReplication": Access("s3:GetReplicationConfiguration", BUCKET),
    "GetBucketRequestPayment": Access("s3:GetBucketRequestPayment", BUCKET),
    "GetBucketTagging": Access("s3:GetBucketTagging", BUCKET),
    "GetBucketVersioning": Access("s3:GetBucketVersioning", BUCKET),
    "GetBucketWebsite": Access("s3:GetBucketWebsite", BUCKET),
    "GetObject": _version("s3:GetObject", "s3:GetObjectVersion"),
    "GetObjectAcl": _version("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    "GetObjectAttributes": Access("s3:GetObject", OBJECT, keys=_reading, also=_attributes),
    "GetObjectLegalHold": _read("s3:GetObjectLegalHold"),
    "GetObjectLockConfiguration": Access("s3:GetBucketObjectLockConfiguration", BUCKET),
    "GetObjectRetention": _read("s3:GetObjectRetention"),
    "GetObjectTagging": _version("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    "GetPublicAccessBlock": Access("s3:GetBucketPublicAccessBlock", BUCKET),
    "HeadBucket": Access("s3:ListBucket", BUCKET),
    "HeadObject": _version("s3:GetObject", "s3:GetObjectVersion"),
    "ListBuckets": Access("s3:ListAllMyBuckets"),
    "ListMultipartUploads": Access("s3:ListBucketMultipartUploads", BUCKET, keys=_listing),
    "ListObjects": _LIST,
    "ListObjectsV2": _LIST,
    "ListObjectVersions": Access("s3:ListBucketVersions", BUCKET, keys=_listing),
    "ListParts": Access("s3:ListMultipartUploadParts", OBJECT),
    "PutBucketAcl": Access("s3:PutBucketAcl", BUCKET, keys=_writing),
    "PutBucketEncryption": Access("s3:PutEncryptionConfiguration", BUCKET),
    "PutBucketNotificationConfiguration": Access("s3:PutBucketNotification", BUCKET),
    "PutBucketOwnershipControls": Access("s3:PutBucketOwnershipControls", BUCKET),
    "PutBucketTagging": Access("s3:PutBucketTagging", BUCKET),
    "PutObject": _PUT,
    "PutObjectAcl": Access("s3:PutObjectAcl", OBJECT, keys=_writing),
    "PutObjectTagging": _version("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
    "PutPublicAccessBlock": Access("s3:PutBucketPublicAccessBlock", BUCKET),
    "UploadPart": Access("s3:PutObject", OBJECT),
    "UploadPartCopy": _COPY,
}
