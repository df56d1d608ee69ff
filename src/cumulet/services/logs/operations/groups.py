"""Log groups: create, delete, describe, protect."""

from __future__ import annotations

from cumulet.base import paging
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import jobs, rules, state

_PAGE = 50
_SCAN = 1000
"""Names that one DescribeLogGroups looks at, at most, for a pattern or a class; the next page goes on from there."""


@operation
def create_log_group(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'CreateLogGroup'."""
    if req.get("kmsKeyId"):
        raise AwsError(
            "NotImplemented", "Cumulet does not implement the parameter kmsKeyId of CreateLogGroup yet.", 501
        )
    name = req["logGroupName"]
    if name.lower().startswith("aws/"):
        raise rules.invalid("Log groups starting with AWS/ are reserved for AWS.")
    if state.group(ctx, name) is not None:
        raise AwsError("ResourceAlreadyExistsException", "The specified log group already exists", 400)
    tags = req.get("tags") or {}
    rules.check_tags(tags)
    record: Json = {"class": req.get("logGroupClass", "STANDARD")}
    if req.get("deletionProtectionEnabled"):
        record["protected"] = True
    made = state.create_group(ctx, name, record)
    if tags:
        state.put_tags(ctx, made["id"], tags)


@operation
def delete_log_group(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'DeleteLogGroup'."""
    group = rules.existing_group(ctx, req["logGroupName"])
    if group.get("protected"):
        raise AwsError("ValidationException", "The log group cannot be deleted: deletion protection is enabled.", 400)
    ctx.cancel(jobs.retention_id(group))
    state.drop_group(ctx, group)


@operation
def put_log_group_deletion_protection(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'PutLogGroupDeletionProtection'."""
    group = rules.existing_group(ctx, rules.group_name(ctx, req["logGroupIdentifier"]))
    state.put_group(ctx, {**group, "protected": bool(req["deletionProtectionEnabled"])})


@operation
def describe_log_groups(ctx: Context, req: Json) -> Json:
    """By name. A pattern or a class may leave a page short of its limit while nextToken says that there is more.

    See CloudWatch Logs API Reference, 'DescribeLogGroups'.
    """
    if "logGroupIdentifiers" in req:
        return _describe_named(ctx, req)
    prefix, pattern = req.get("logGroupNamePrefix"), req.get("logGroupNamePattern")
    if prefix and pattern:
        raise rules.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    limit, wanted_class = req.get("limit", _PAGE), req.get("logGroupClass")
    after = _position(req.get("nextToken"))
    found: list[Json] = []
    scanned = 0
    while len(found) <= limit and scanned < _SCAN:
        page = state.groups(ctx, prefix or "", after, limit + 1)
        scanned += len(page)
        found += [group for group in page if _wanted(group, pattern, wanted_class)]
        if len(page) <= limit:
            after = None
            break
        after = page[-1]["name"]
    if len(found) > limit:
        found = found[:limit]
        after = found[-1]["name"]
    result: Json = {"logGroups": [_described(ctx, group) for group in found]}
    if after is not None:
        result["nextToken"] = paging.encode(after.encode())
    return result


def _describe_named(ctx: Context, req: Json) -> Json:
    if len(req) > 1:
        raise rules.invalid("logGroupIdentifiers cannot be combined with other parameters.")
    names = [rules.group_name(ctx, identifier) for identifier in req["logGroupIdentifiers"]]
    groups = [state.group(ctx, name) for name in names]
    return {"logGroups": [_described(ctx, group) for group in groups if group is not None]}


def _wanted(group: Json, pattern: str | None, wanted_class: str | None) -> bool:
    return (not pattern or pattern in group["name"]) and (not wanted_class or group["class"] == wanted_class)


def _position(token: str | None) -> str | None:
    if token is None:
        return None
    raw = paging.decode(token)
    if raw is None:
        raise rules.invalid("The specified nextToken is invalid.")
    return raw.decode("utf-8", "replace")


def _described(ctx: Context, group: Json) -> Json:
    arn = rules.group_arn(ctx, group["name"])
    described = {
        "logGroupName": group["name"],
        "creationTime": group["created"],
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": state.stored_bytes(ctx, group["id"]),
        "logGroupClass": group["class"],
        "logGroupArn": arn,
        "deletionProtectionEnabled": bool(group.get("protected")),
    }
    if "retention" in group:
        described["retentionInDays"] = group["retention"]
    return described
