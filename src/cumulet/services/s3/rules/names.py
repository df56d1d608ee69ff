"""Names of buckets, keys and places. Sources: Amazon S3 User Guide, 'General purpose bucket naming rules', 'Naming objects'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cumulet.base.context import DEFAULT_REGION
from cumulet.base.errors import AwsError

from ..errors import not_implemented

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z", re.ASCII)
_OLD_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}\Z", re.ASCII)
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+\Z", re.ASCII)
_RESERVED_START = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_END = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
MAX_KEY = 1024

REGIONS = frozenset(
    f"{area}-{number}"
    for area, numbers in {
        "af-south": "1",
        "ap-east": "12",
        "ap-northeast": "123",
        "ap-south": "12",
        "ap-southeast": "1234567",
        "ca-central": "1",
        "ca-west": "1",
        "eu-central": "12",
        "eu-north": "1",
        "eu-south": "12",
        "eu-west": "123",
        "il-central": "1",
        "me-central": "1",
        "me-south": "1",
        "mx-central": "1",
        "sa-east": "1",
        "us-east": "2",
        "us-west": "12",
    }.items()
    for number in numbers
)
"""What LocationConstraint may say, besides `EU`."""


def check_bucket(name: str, *, strict: bool = True) -> None:
    """Raise InvalidBucketName for a name that no new bucket may have; not `strict`: that no bucket can ever have had."""
    if not strict:
        valid = _OLD_BUCKET.match(name) is not None
    else:
        valid = (
            _BUCKET.match(name) is not None
            and ".." not in name
            and not _ADDRESS.match(name)
            and not name.startswith(_RESERVED_START)
            and not name.endswith(_RESERVED_END)
        )
    if not valid:
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, members={"BucketName": name})


def check_key(key: str) -> None:
    """Raise KeyTooLongError for a key of more than 1024 bytes."""
    if len(key) * 4 > MAX_KEY and (size := len(key.encode())) > MAX_KEY:
        members = {"Size": str(size), "MaxSizeAllowed": str(MAX_KEY)}
        raise AwsError("KeyTooLongError", "Your key is too long", 400, members=members)


def place(config: Mapping[str, Any] | None, region: str) -> tuple[str, str]:
    """Where CreateBucket sent to `region` makes the bucket: (region, LocationConstraint as given or "").

    Raises AwsError InvalidLocationConstraint, IllegalLocationConstraintException.
    """
    config = config or {}
    if config.get("Bucket") or config.get("Location"):
        raise not_implemented("CreateBucketConfiguration.Location")
    wanted = config.get("LocationConstraint") or ""
    if not wanted:
        if region != DEFAULT_REGION:
            raise _illegal("unspecified", region)
        return region, ""
    target = "eu-west-1" if wanted == "EU" else wanted
    if target not in REGIONS:
        message = "The specified location-constraint is not valid"
        raise AwsError("InvalidLocationConstraint", message, 400, members={"LocationConstraint": wanted})
    if region not in (DEFAULT_REGION, target):
        raise _illegal(wanted, region)
    return target, wanted


def _illegal(wanted: str, region: str) -> AwsError:
    message = (
        f"The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to."
    )
    return AwsError("IllegalLocationConstraintException", message, 400)
