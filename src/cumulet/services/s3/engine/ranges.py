"""Byte ranges. Sources: RFC 9110, 'Range Requests'; Amazon S3 API Reference, GetObject (one range only)."""

from __future__ import annotations

import re

from cumulet.base.errors import AwsError

from ..errors import invalid_argument

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*\Z", re.IGNORECASE | re.ASCII)
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z", re.ASCII)


def unsatisfiable(header: str, size: int) -> AwsError:
    """416: the range begins past the object's end."""
    members = {"RangeRequested": header, "ActualObjectSize": str(size)}
    headers = {"Content-Range": f"bytes */{size}"}
    return AwsError("InvalidRange", "The requested range is not satisfiable", 416, members=members, headers=headers)


def read(header: str, size: int) -> tuple[int, int] | None:
    """The (offset, length) that `header` asks of `size` bytes; None for the whole object.

    What is no single byte range (several ranges, nonsense, an end before the start) is ignored, as S3 does. Raises AwsError
    InvalidRange where nothing of the object lies in the range.
    """
    found = _RANGE.match(header)
    if found is None:
        return None
    first, last = found[1][:20], found[2][:20]
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        if length == 0:
            raise unsatisfiable(header, size)
        return size - length, length
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise unsatisfiable(header, size)
    end = min(int(last), size - 1) if last else size - 1
    return start, end - start + 1


def copy_source(header: str, size: int) -> tuple[int, int]:
    """The (offset, length) of `x-amz-copy-source-range`, which must be exact. Raises AwsError InvalidArgument, InvalidRange."""
    found = _COPY_RANGE.match(header)
    if found is None or int(found[1][:20]) > int(found[2][:20]):
        message = (
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
            "offsets of the first and last bytes to copy"
        )
        raise invalid_argument(message, "x-amz-copy-source-range", header)
    first, last = int(found[1][:20]), int(found[2][:20])
    if last >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise invalid_argument(message, "x-amz-copy-source-range", header)
    return first, last - first + 1
