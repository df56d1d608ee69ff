"""Conditional requests. Sources: RFC 9110, 'Conditional Requests'; Amazon S3 User Guide, 'Conditional requests'."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cumulet.base.errors import AwsError

from ..errors import no_such_key, not_implemented, precondition_failed
from .etag import bare

READ = ("IfMatch", "IfUnmodifiedSince", "IfNoneMatch", "IfModifiedSince")
COPY = ("CopySourceIfMatch", "CopySourceIfUnmodifiedSince", "CopySourceIfNoneMatch", "CopySourceIfModifiedSince")
_HEADERS = {
    "IfMatch": "If-Match",
    "IfUnmodifiedSince": "If-Unmodified-Since",
    "CopySourceIfMatch": "x-amz-copy-source-If-Match",
    "CopySourceIfUnmodifiedSince": "x-amz-copy-source-If-Unmodified-Since",
    "CopySourceIfNoneMatch": "x-amz-copy-source-If-None-Match",
    "CopySourceIfModifiedSince": "x-amz-copy-source-If-Modified-Since",
}


def _names(header: str, tag: str) -> bool:
    return any(one.strip() == "*" or bare(one) == tag for one in header.split(","))


def _seconds(when: datetime | float) -> float:
    return when.timestamp() if isinstance(when, datetime) else when


def failed(req: Mapping[str, Any], tag: str, modified: int, members: tuple[str, str, str, str] = READ) -> str | None:
    """The header that does not hold for an object of `tag`, last `modified` (epoch seconds); None where all hold.

    If-Match decides over If-Unmodified-Since, If-None-Match over If-Modified-Since.
    """
    match, unmodified, none_match, since = members
    if match in req:
        if not _names(req[match], tag):
            return match
    elif unmodified in req and modified > _seconds(req[unmodified]):
        return unmodified
    if none_match in req:
        if _names(req[none_match], tag):
            return none_match
    elif since in req and modified <= _seconds(req[since]):
        return since
    return None


def check_read(req: Mapping[str, Any], tag: str, modified: int, headers: dict[str, str]) -> None:
    """For GET and HEAD: raise PreconditionFailed (412) or NotModified (304, with `headers`)."""
    broken = failed(req, tag, modified)
    if broken in ("IfMatch", "IfUnmodifiedSince"):
        raise precondition_failed(_HEADERS[broken])
    if broken is not None:
        raise AwsError("NotModified", "Not Modified", 304, headers=headers)


def check_copy(req: Mapping[str, Any], tag: str, modified: int) -> None:
    """For copies every condition on the source that does not hold is PreconditionFailed."""
    broken = failed(req, tag, modified, COPY)
    if broken is not None:
        raise precondition_failed(_HEADERS[broken])


def check_write(req: Mapping[str, Any], key: str, tag: str | None) -> None:
    """For writes: `tag` is that of the object in place, None where there is none. Raises 412, 404 or 501."""
    none_match = req.get("IfNoneMatch")
    if none_match is not None:
        if none_match.strip() != "*":
            raise not_implemented("If-None-Match")
        if tag is not None:
            raise precondition_failed("If-None-Match")
    match = req.get("IfMatch")
    if match is not None:
        if tag is None:
            raise no_such_key(key)
        if not _names(match, tag):
            raise precondition_failed("If-Match")
