"""Buckets: made, found, listed, deleted."""

from __future__ import annotations

from cumulet.base import paging
from cumulet.base.context import DEFAULT_REGION
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import reach
from ..engine import tags
from ..errors import invalid_argument, no_such_bucket, not_implemented
from ..rules import names
from ..state import buckets

MAX_BUCKETS = 10_000
_PAGE = 1000


@operation
def create_bucket(ctx: Context, req: Json) -> Json:
    """See CreateBucket. In us-east-1 making one's own bucket again is no error."""
    name = req["Bucket"]
    names.check_bucket(name)
    config = req.get("CreateBucketConfiguration")
    region, location = names.place(config, ctx.region)
    _refuse(req)
    tag_set = tags.check((config or {}).get("Tags") or (), tags.MAX_BUCKET)
    old = buckets.find(ctx.tx, name)
    if old is not None:
        if old.account != ctx.account:
            message = (
                "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
                "Please select a different name and try again."
            )
            raise AwsError("BucketAlreadyExists", message, 409, members={"BucketName": name})
        if not (old.region == region == DEFAULT_REGION):
            message = "Your previous request to create the named bucket succeeded and you already own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409, members={"BucketName": name})
    else:
        extra: Json = {"location": location} if location else {}
        if tag_set:
            extra["tags"] = tag_set
        buckets.create(ctx.tx, name, ctx.account, region, ctx.now, extra)
    where = f"/{name}" if ctx.region == DEFAULT_REGION else f"{ctx.machine.endpoint}/{name}"
    return {"Location": where, "BucketArn": f"arn:aws:s3:::{name}"}


def _refuse(req: Json) -> None:
    granted = any(name.startswith("Grant") for name in req)
    if granted or req.get("ACL", "private") != "private":
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        raise AwsError("InvalidBucketAclWithObjectOwnership", message, 400)
    if req.get("ObjectLockEnabledForBucket"):
        raise not_implemented("x-amz-bucket-object-lock-enabled")
    if req.get("ObjectOwnership", "BucketOwnerEnforced") != "BucketOwnerEnforced":
        raise not_implemented("x-amz-object-ownership")
    if req.get("BucketNamespace", "global") != "global":
        raise not_implemented("x-amz-bucket-namespace")


@operation
def head_bucket(ctx: Context, req: Json) -> Json:
    """See HeadBucket. Whoever asks learns the region of a bucket that exists."""
    found = buckets.find(ctx.tx, req["Bucket"])
    if found is None:
        raise no_such_bucket(req["Bucket"])
    try:
        reach.bucket(ctx.tx, ctx.account, req)
    except AwsError as err:
        err.headers["x-amz-bucket-region"] = found.region
        raise
    return {"BucketArn": found.arn, "BucketRegion": found.region, "AccessPointAlias": False}


@operation
def list_buckets(ctx: Context, req: Json) -> Json:
    """See ListBuckets."""
    limit = req.get("MaxBuckets", MAX_BUCKETS)
    if not 1 <= limit <= MAX_BUCKETS:
        message = "Argument max-buckets must be an integer between 1 and 10000"
        raise invalid_argument(message, "max-buckets", str(limit))
    position = b""
    if req.get("ContinuationToken"):
        found = paging.decode(req["ContinuationToken"])
        if found is None:
            raise invalid_argument(
                "The continuation token provided is incorrect", "continuation-token", req["ContinuationToken"]
            )
        position = found
    prefix, region = req.get("Prefix", ""), req.get("BucketRegion")
    chosen: list[Json] = []
    asked = bool(prefix or region or "MaxBuckets" in req or position)
    while True:
        page = buckets.owned(ctx.tx, ctx.account, prefix, position, _PAGE)
        for name, at, record in page:
            if region is not None and record["region"] != region:
                continue
            if len(chosen) == limit:
                return _buckets(ctx, req, chosen, paging.encode(position))
            entry = {"Name": name, "CreationDate": record["created"], "BucketArn": f"arn:aws:s3:::{name}"}
            if asked:
                entry["BucketRegion"] = record["region"]
            chosen.append(entry)
            position = at + b"\x00"
        if len(page) < _PAGE:
            return _buckets(ctx, req, chosen, None)
        position = page[-1][1] + b"\x00"


def _buckets(ctx: Context, req: Json, chosen: list[Json], token: str | None) -> Json:
    out: Json = {"Buckets": chosen, "Owner": reach.owner(ctx.account)}
    if token is not None:
        out["ContinuationToken"] = token
    if "Prefix" in req:
        out["Prefix"] = req["Prefix"]
    return out


@operation
def delete_bucket(ctx: Context, req: Json) -> Json:
    """See DeleteBucket. Uploads under way do not keep a bucket; they are aborted."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    if not buckets.is_empty(ctx.tx, bucket):
        message = "The bucket you tried to delete is not empty"
        raise AwsError("BucketNotEmpty", message, 409, members={"BucketName": bucket.name})
    buckets.delete(ctx.tx, bucket)
    ctx.schedule("s3.drop_bucket", {"bucket": bucket.place}, ctx.now)
    return {}


@operation
def get_bucket_location(ctx: Context, req: Json) -> Json:
    """See GetBucketLocation. us-east-1 has no location constraint."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    location = bucket.record.get("location") or ("" if bucket.region == DEFAULT_REGION else bucket.region)
    return {"LocationConstraint": location} if location else {}
