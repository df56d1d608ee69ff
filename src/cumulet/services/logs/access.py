"""What each Logs operation needs. Source: Service Authorization Reference, 'Actions, … keys for Amazon CloudWatch Logs'.

Logs names a resource down to the stream, with nothing behind `log-stream:` where none is meant; so its own messages have it.
"""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.access import Access
from cumulet.kernel.context import Context


def _group(ctx: Context, req: Json) -> str:
    return _arn(ctx, _name(req), "")


def _stream(ctx: Context, req: Json) -> str:
    return _arn(ctx, _name(req), req.get("logStreamName") or "")


def _tagged(ctx: Context, req: Json) -> str:
    arn: str = req["resourceArn"]
    return arn


def _name(req: Json) -> str:
    name = req.get("logGroupName") or req.get("logGroupIdentifier") or ""
    return name.partition(":log-group:")[2].removesuffix(":*") if name.startswith("arn:") else name


def _arn(ctx: Context, group: str, stream: str) -> str:
    return f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{group}:log-stream:{stream}"


def _on(resource: object, *operations: str) -> dict[str, Access]:
    assert callable(resource)
    return {operation: Access(f"logs:{operation}", resource) for operation in operations}


TABLE: dict[str, Access] = {
    **_on(
        _group,
        "CreateLogGroup",
        "DeleteLogGroup",
        "DeleteRetentionPolicy",
        "DescribeLogGroups",
        "DescribeLogStreams",
        "FilterLogEvents",
        "ListTagsLogGroup",
        "PutLogGroupDeletionProtection",
        "PutRetentionPolicy",
        "TagLogGroup",
        "UntagLogGroup",
    ),
    **_on(_stream, "CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"),
    **_on(_tagged, "ListTagsForResource", "TagResource", "UntagResource"),
}
