"""A bucket's notification configuration. Source: Amazon S3 API Reference, PutBucketNotificationConfiguration."""

from __future__ import annotations

from cumulet.base.arn import parse
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import documents, reach
from ..engine import notification
from ..events import as_s3
from ..state import buckets
from ..state.buckets import Bucket

_ELSEWHERE = "The notification destination service region is not valid for the bucket location constraint"


@operation
def get_bucket_notification_configuration(ctx: Context, req: Json) -> Json:
    """See GetBucketNotificationConfiguration."""
    stored = reach.bucket(ctx.tx, ctx.account, req).record.get("notification")
    return {"LambdaFunctionConfigurations": stored} if stored else {}


@operation
def put_bucket_notification_configuration(ctx: Context, req: Json) -> Json:
    """See PutBucketNotificationConfiguration. Every function must exist and let S3 invoke it, unless validation is skipped."""
    documents.check(ctx, "PUT", "notification")
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    stored = notification.validate(req.get("NotificationConfiguration") or {})
    if not req.get("SkipDestinationValidation"):
        for arn in dict.fromkeys(entry["LambdaFunctionArn"] for entry in stored):
            _check_target(ctx, bucket, arn)
    buckets.update(ctx.tx, bucket, {"notification": stored or None})
    return {}


def _check_target(ctx: Context, bucket: Bucket, target: str) -> None:
    arn = parse(target)
    assert arn is not None
    if arn.region != bucket.region:
        raise notification.unreachable(target, _ELSEWHERE)
    try:
        ctx.call(
            "lambda",
            "AuthorizeInvoke",
            {"FunctionName": target},
            principal=as_s3(bucket.arn, bucket.account),
            account=arn.account,
            region=arn.region,
        )
    except AwsError as err:
        if err.code == "ResourceNotFoundException":
            raise notification.unreachable(target, "The destination Lambda does not exist") from err
        raise notification.unreachable(target, f"Not authorized to invoke function [{target}]") from err
