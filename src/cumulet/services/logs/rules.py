"""What the model does not say: limits of a batch, allowed retention, names and ARNs, in AWS's words.

Sources: CloudWatch Logs API Reference, 'PutLogEvents', 'PutRetentionPolicy'; CloudWatch Logs User Guide, 'CloudWatch
Logs quotas'.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from cumulet.base import arn
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context

from . import state
from .engine import chunks
from .engine.chunks import Event

DAY = 86_400_000
MAX_BATCH = 1_048_576
MAX_TAGS = 50
RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_FUTURE = 2 * 3_600_000
_PAST = 14 * DAY


def invalid(message: str) -> AwsError:
    """InvalidParameterException."""
    return AwsError("InvalidParameterException", message, 400)


def existing_group(ctx: Context, name: str) -> Json:
    """The group's record. Raises ResourceNotFoundException."""
    record = state.group(ctx, name)
    if record is None:
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)
    return record


def existing_stream(ctx: Context, group: Json, name: str) -> Json:
    """The stream's record. Raises ResourceNotFoundException."""
    record = state.stream(ctx, group["id"], name)
    if record is None:
        raise AwsError("ResourceNotFoundException", "The specified log stream does not exist.", 400)
    return record


def chosen_group(ctx: Context, req: Json) -> Json:
    """The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) names."""
    name, identifier = req.get("logGroupName"), req.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Specify either logGroupName or logGroupIdentifier, but not both.")
    return existing_group(ctx, name if name is not None else group_name(ctx, str(identifier)))


def group_name(ctx: Context, identifier: str) -> str:
    """The group's name in a name or an ARN. Raises ResourceNotFoundException for what lies elsewhere."""
    if not identifier.startswith("arn:"):
        return identifier
    parts = arn.parse(identifier)
    if parts is None or parts.service != "logs" or not parts.resource.startswith("log-group:"):
        raise invalid("Invalid ARN")
    if (parts.account, parts.region) != (ctx.account, ctx.region):
        raise AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)
    return parts.resource.removeprefix("log-group:").removesuffix(":*")


def group_arn(ctx: Context, name: str) -> str:
    """A group's ARN, without the `:*` that stands for its streams."""
    return arn.make("logs", ctx.region, ctx.account, f"log-group:{name}")


def check_retention(days: int) -> None:
    """Only certain numbers of days are allowed."""
    if days not in RETENTION:
        allowed = ", ".join(str(value) for value in RETENTION)
        raise invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{allowed}]"
        )


def horizon(ctx: Context, group: Json) -> int:
    """The time, in milliseconds, before which a group's events have expired; 0 where they never do."""
    days = group.get("retention")
    return int(ctx.now * 1000) - days * DAY if days else 0


def batch(req_events: list[Any]) -> list[Event]:
    """The events of a PutLogEvents request. Raises InvalidParameterException for batches that are refused as a whole."""
    events = [(event["timestamp"], event["message"].encode()) for event in req_events]
    times = [timestamp for timestamp, _ in events]
    size = chunks.size(events)
    if size > MAX_BATCH:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH}")
    if times != sorted(times):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    return events


def admit(ctx: Context, group: Json, events: list[Event]) -> tuple[list[Event], Json]:
    """Those of chronological events that are young and old enough, and what RejectedLogEventsInfo says of the others."""
    now = int(ctx.now * 1000)
    too_old = bisect_left(events, (now - _PAST,))
    expired = bisect_left(events, (horizon(ctx, group),))
    in_time = bisect_left(events, (now + _FUTURE + 1,))
    rejected = {}
    if in_time < len(events):
        rejected["tooNewLogEventStartIndex"] = in_time
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired > too_old:
        rejected["expiredLogEventEndIndex"] = expired
    admitted = events[max(too_old, expired) : in_time]
    if admitted and admitted[-1][0] - admitted[0][0] > DAY:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    return admitted, rejected


def check_tags(tags: dict[str, str]) -> None:
    """At most fifty tags, none in AWS's own name space."""
    if len(tags) > MAX_TAGS:
        raise AwsError("TooManyTagsException", "A resource cannot have more than 50 tags.", 400)
    if any(key.lower().startswith("aws:") for key in tags):
        raise invalid("Tag keys starting with aws: are reserved for AWS use.")
