"""Tags of log groups, by ARN and in the older form by name."""

from __future__ import annotations

from cumulet.base import arn
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def tag_resource(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'TagResource'."""
    _add(ctx, _by_arn(ctx, req["resourceArn"]), req["tags"])


@operation
def untag_resource(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'UntagResource'."""
    _remove(ctx, _by_arn(ctx, req["resourceArn"]), req["tagKeys"])


@operation
def list_tags_for_resource(ctx: Context, req: Json) -> Json:
    """See CloudWatch Logs API Reference, 'ListTagsForResource'."""
    return {"tags": state.tags(ctx, _by_arn(ctx, req["resourceArn"])["id"])}


@operation
def tag_log_group(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'TagLogGroup'."""
    _add(ctx, rules.existing_group(ctx, req["logGroupName"]), req["tags"])


@operation
def untag_log_group(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'UntagLogGroup'."""
    _remove(ctx, rules.existing_group(ctx, req["logGroupName"]), req["tags"])


@operation
def list_tags_log_group(ctx: Context, req: Json) -> Json:
    """See CloudWatch Logs API Reference, 'ListTagsLogGroup'."""
    return {"tags": state.tags(ctx, rules.existing_group(ctx, req["logGroupName"])["id"])}


def _by_arn(ctx: Context, text: str) -> Json:
    parts = arn.parse(text)
    if parts is None or not parts.resource.startswith("log-group:"):
        raise AwsError("ResourceNotFoundException", "The specified resource does not exist.", 400)
    return rules.existing_group(ctx, rules.group_name(ctx, text))


def _add(ctx: Context, group: Json, tags: dict[str, str]) -> None:
    merged = {**state.tags(ctx, group["id"]), **tags}
    rules.check_tags(merged)
    state.put_tags(ctx, group["id"], merged)


def _remove(ctx: Context, group: Json, names: list[str]) -> None:
    left = {key: value for key, value in state.tags(ctx, group["id"]).items() if key not in names}
    state.put_tags(ctx, group["id"], left)
