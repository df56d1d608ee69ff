"""What takes more than one transaction: letting go of the blobs of large objects, of uploads and of deleted buckets."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import job

from .state import buckets, objects, uploads

READING = 2.0
"""Seconds until we look again whether somebody still reads what is to be released."""


@job("release")
def release(ctx: Context, detail: Json) -> float | None:
    """Release the extents of an object that is gone, a record of them at a time."""
    if objects.readers[detail["data"]]:
        return ctx.now + READING
    return ctx.now if objects.release_chunk(ctx, buckets.at(detail["bucket"]), detail["data"]) else None


@job("drop_upload")
def drop_upload(ctx: Context, detail: Json) -> float | None:
    """Release the parts of an upload that was aborted, some at a time."""
    return ctx.now if uploads.drop_parts(ctx, buckets.at(detail["bucket"]), detail["upload"]) else None


@job("drop_bucket")
def drop_bucket(ctx: Context, detail: Json) -> float | None:
    """Abort the uploads of a bucket that was deleted."""
    bucket = buckets.at(detail["bucket"])
    found = uploads.any_upload(ctx.tx, bucket)
    if found is None:
        return None
    if not uploads.drop_parts(ctx, bucket, found[1]):
        uploads.forget(ctx.tx, bucket, *found)
    return ctx.now
