"""Tags of buckets and objects."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import documents, reach
from ..engine import tags
from ..events import announce
from ..state import buckets, objects


@operation
def get_bucket_tagging(ctx: Context, req: Json) -> Json:
    """See GetBucketTagging."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    if not bucket.record.get("tags"):
        raise AwsError("NoSuchTagSet", "The TagSet does not exist", 404, members={"BucketName": bucket.name})
    return {"TagSet": bucket.record["tags"]}


@operation
def put_bucket_tagging(ctx: Context, req: Json) -> Json:
    """See PutBucketTagging."""
    documents.check(ctx, "PUT", "tagging")
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    stored = tags.check(req["Tagging"].get("TagSet") or (), tags.MAX_BUCKET)
    buckets.update(ctx.tx, bucket, {"tags": stored or None})
    return {}


@operation
def delete_bucket_tagging(ctx: Context, req: Json) -> Json:
    """See DeleteBucketTagging."""
    buckets.update(ctx.tx, reach.bucket(ctx.tx, ctx.account, req), {"tags": None})
    return {}


@operation(data=True)
def get_object_tagging(ctx: Context, req: Json) -> Json:
    """See GetObjectTagging."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    return {"TagSet": reach.current(ctx.tx, bucket, req["Key"], req.get("VersionId")).get("tags", [])}


@operation(data=True)
def put_object_tagging(ctx: Context, req: Json) -> Json:
    """See PutObjectTagging."""
    documents.check(ctx, "PUT", "tagging")
    _change(ctx, req, tags.check(req["Tagging"].get("TagSet") or (), tags.MAX_OBJECT), "ObjectTagging:Put")
    return {}


@operation(data=True)
def delete_object_tagging(ctx: Context, req: Json) -> Json:
    """See DeleteObjectTagging."""
    _change(ctx, req, [], "ObjectTagging:Delete")
    return {}


def _change(ctx: Context, req: Json, stored: list[Json], event: str) -> None:
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    record = dict(reach.current(ctx.tx, bucket, req["Key"], req.get("VersionId")))
    record.pop("tags", None)
    if stored:
        record["tags"] = stored
    objects.replace_record(ctx.tx, bucket, req["Key"], record)
    announce(ctx, bucket, event, req["Key"], record)
