"""Tags of objects and buckets. Source: Amazon S3 User Guide, 'Categorizing your objects using tags'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from cumulet.base.errors import AwsError
from cumulet.base.types import Json

from ..errors import invalid_argument

MAX_OBJECT = 10
MAX_BUCKET = 50
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*\Z")


def check(tags: Iterable[Mapping[str, Any]], limit: int) -> list[Json]:
    """The tags as they are stored. Raises AwsError InvalidTag or BadRequest."""
    stored: dict[str, str] = {}
    for tag in tags:
        key, value = tag.get("Key") or "", tag.get("Value") or ""
        if not 1 <= len(key) <= 128 or not _ALLOWED.match(key):
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", 400, members={"TagKey": key})
        if key.lower().startswith("aws:"):
            raise AwsError(
                "InvalidTag", "System tags cannot be added/updated by requester", 400, members={"TagKey": key}
            )
        if len(value) > 256 or not _ALLOWED.match(value):
            members = {"TagKey": key, "TagValue": value}
            raise AwsError("InvalidTag", "The TagValue you have provided is invalid", 400, members=members)
        if key in stored:
            raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key", 400, members={"TagKey": key})
        stored[key] = value
    if len(stored) > limit:
        what = "Object" if limit == MAX_OBJECT else "Bucket"
        raise AwsError("BadRequest", f"{what} tags cannot be greater than {limit}", 400)
    return [{"Key": key, "Value": value} for key, value in stored.items()]


def from_header(text: str) -> list[Json]:
    """The tags of an `x-amz-tagging` header, which is written as a query string. Raises AwsError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    except ValueError:
        message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates."
        raise invalid_argument(message, "x-amz-tagging", text) from None
    return check([{"Key": key, "Value": value} for key, value in pairs], MAX_OBJECT)
