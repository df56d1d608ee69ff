"""Telling a bucket's targets what happened: an event commits with the change, and is delivered afterwards."""

from __future__ import annotations

import logging
from base64 import b64encode
from typing import TYPE_CHECKING

import orjson

from cumulet.base.arn import parse
from cumulet.base.context import Principal, service
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import consumer

from .engine.notification import Sequencer, message

if TYPE_CHECKING:
    from .state.buckets import Bucket

log = logging.getLogger(__name__)

_sequencer = Sequencer()
_GONE = frozenset({"ResourceNotFoundException", "AccessDeniedException", "AccessDenied"})


def announce(ctx: Context, bucket: Bucket, name: str, key: str, record: Json | None = None) -> None:
    """Record, in the transaction of `ctx`, that `name` (`ObjectCreated:Put`) happened to `key`, for every target that wants it."""
    for rule in bucket.rules:
        if rule.meets(name, key):
            ctx.emit(
                "s3.notify", {"target": rule.target, "config": rule.id, "event": _event(ctx, bucket, name, key, record)}
            )


def _event(ctx: Context, bucket: Bucket, name: str, key: str, record: Json | None) -> Json:
    event: Json = {
        "name": name,
        "key": key,
        "bucket": bucket.name,
        "region": bucket.region,
        "account": bucket.account,
        "time": ctx.now,
        "caller": _caller(ctx.principal),
        "peer": ctx.request.peer if ctx.request is not None else "127.0.0.1",
        "request": ctx.request_id,
        "host": b64encode(f"{ctx.request_id}/{bucket.id}".encode() * 2).decode(),
        "sequencer": _sequencer.next(),
    }
    if record is not None:
        event["size"] = record["size"]
        event["etag"] = record["etag"]
    return event


def _caller(principal: Principal) -> str:
    if principal.kind == "service":
        return principal.name
    return f"AWS:{principal.user_id}"


def as_s3(bucket_arn: str, account: str) -> Principal:
    """S3 itself, acting for a bucket: what a function's resource policy judges."""
    return service("s3.amazonaws.com", account, bucket_arn)


@consumer("notify")
async def notify(ctx: Context, detail: Json) -> None:
    """Hand an event to the function that is to have it. One that is gone, or lets S3 in no more, gets nothing, as in AWS."""
    event = detail["event"]
    arn = parse(detail["target"])
    assert arn is not None
    payload = orjson.dumps(message(event, detail["config"]))
    try:
        await ctx.acall(
            "lambda",
            "EnqueueInvocation",
            {"FunctionName": detail["target"], "Payload": payload},
            principal=as_s3(f"arn:aws:s3:::{event['bucket']}", event["account"]),
            account=arn.account,
            region=arn.region,
        )
    except AwsError as err:
        if err.code not in _GONE:
            raise
        log.warning("%s of s3://%s is not told to %s: %s", event["name"], event["bucket"], detail["target"], err)
