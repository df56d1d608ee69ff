"""Which bucket and which object a request means, and whether the caller may have them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store.api import Reader

from .errors import access_denied, invalid_argument, no_such_bucket, no_such_key, no_such_version
from .rules import names
from .state import buckets, objects
from .state.buckets import Bucket

COLD = frozenset({"GLACIER", "DEEP_ARCHIVE"})


def bucket(reader: Reader, account: str, req: Mapping[str, Any]) -> Bucket:
    """The bucket that a request names. Raises AwsError NoSuchBucket, InvalidBucketName, AccessDenied.

    A request in another region than the bucket's is served: every region of this cloud has the same address.
    """
    name = req["Bucket"]
    found = buckets.find(reader, name)
    if found is None:
        names.check_bucket(name, strict=False)
        raise no_such_bucket(name)
    if found.account != account:
        raise access_denied()
    owner = req.get("ExpectedBucketOwner")
    if owner is not None and owner != account:
        raise access_denied()
    return found


def current(reader: Reader, where: Bucket, key: str, version: str | None = None) -> Json:
    """The record of the object (or of its version). Raises AwsError NoSuchKey, NoSuchVersion, InvalidArgument."""
    if version is not None and not version:
        raise invalid_argument("Version id cannot be the empty string", "versionId", "")
    record = objects.find(reader, where, key)
    if version not in (None, "null"):
        raise no_such_version(key, str(version))
    if record is None:
        raise no_such_key(key) if version is None else no_such_version(key, version)
    return record


def shown(ctx: Context, where: Bucket, key: str, version: str | None) -> Json:
    """As `current`; a caller who may not list the bucket does not learn that an object is missing, only that it has no access."""
    try:
        return current(ctx.readable, where, key, version)
    except AwsError as err:
        if err.code == "NoSuchKey" and ctx.refusal("s3:ListBucket", f"arn:aws:s3:::{where.name}") is not None:
            raise access_denied() from None
        raise


def readable(record: Json) -> None:
    """Raise InvalidObjectState for an object whose storage class gives no bytes before they are restored."""
    storage = record.get("class")
    if storage in COLD:
        message = "The operation is not valid for the object's storage class"
        raise AwsError("InvalidObjectState", message, 403, members={"StorageClass": storage})


@lru_cache(1024)
def owner(account: str) -> Json:
    """An account as S3 names owners, by its canonical user id: 64 hexadecimal digits."""
    return {"ID": hashlib.sha256(f"canonical user {account}".encode()).hexdigest()}
