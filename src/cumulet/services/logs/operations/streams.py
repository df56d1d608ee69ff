"""Log streams: create, delete, describe by name or by last event."""

from __future__ import annotations

from typing import Any

from cumulet.base import paging
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.store import keys

from .. import rules, state

_PAGE = 50


@operation
def create_log_stream(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'CreateLogStream'."""
    group = rules.existing_group(ctx, req["logGroupName"])
    name = req["logStreamName"]
    if state.stream(ctx, group["id"], name) is not None:
        raise AwsError("ResourceAlreadyExistsException", "The specified log stream already exists", 400)
    state.create_stream(ctx, group["id"], name)


@operation
def delete_log_stream(ctx: Context, req: Json) -> None:
    """The stream is gone at once; a job removes what its events took.

    See CloudWatch Logs API Reference, 'DeleteLogStream'.
    """
    group = rules.existing_group(ctx, req["logGroupName"])
    name = req["logStreamName"]
    stream = rules.existing_stream(ctx, group, name)
    state.drop_stream(ctx, group["id"], name, stream)
    if stream["next"]:
        state.add_bytes(ctx, group["id"], -stream["bytes"])
        ctx.schedule("logs.sweep", {"group": group["id"], "stream": stream["id"]}, ctx.now)


@operation
def describe_log_streams(ctx: Context, req: Json) -> Json:
    """See CloudWatch Logs API Reference, 'DescribeLogStreams'."""
    group = rules.chosen_group(ctx, req)
    limit, reverse = req.get("limit", _PAGE), bool(req.get("descending"))
    prefix = req.get("logStreamNamePrefix")
    past: Any = _position(req.get("nextToken"))
    if req.get("orderBy") == "LastEventTime":
        if prefix:
            raise rules.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        if past is not None and len(past) != 2:
            raise _bad_token()
        page = [
            (entry.name, entry.record)
            for entry in state.recent_streams(ctx, group["id"], past, limit + 1, reverse=reverse)
        ]
    else:
        if past is not None and len(past) != 1:
            raise _bad_token()
        after = past[0] if past is not None else None
        page = state.streams(ctx, group["id"], prefix or "", after, limit + 1, reverse=reverse)
    arn = rules.group_arn(ctx, group["name"])
    result: Json = {"logStreams": [_described(arn, name, record) for name, record in page[:limit]]}
    if len(page) > limit:
        name, record = page[limit - 1]
        by_time = req.get("orderBy") == "LastEventTime"
        place = keys.pack(record.get("last", 0), name) if by_time else keys.pack(name)
        result["nextToken"] = paging.encode(place)
    return result


def _position(token: str | None) -> tuple[Any, ...] | None:
    if token is None:
        return None
    raw = paging.decode(token)
    try:
        place = keys.unpack(raw) if raw is not None else ()
    except ValueError:
        raise _bad_token() from None
    if [type(part) for part in place] not in ([int, str], [str]):
        raise _bad_token()
    if isinstance(place[0], int) and not 0 <= place[0] < 1 << 62:
        raise _bad_token()
    return place


def _bad_token() -> AwsError:
    return rules.invalid("The specified nextToken is invalid.")


def _described(group_arn: str, name: str, record: Json) -> Json:
    described = {
        "logStreamName": name,
        "creationTime": record["created"],
        "arn": f"{group_arn}:log-stream:{name}",
        "storedBytes": 0,  # as on AWS, since June 2019
    }
    if "last" in record:
        described["firstEventTimestamp"] = record["first"]
        described["lastEventTimestamp"] = record["last"]
        described["lastIngestionTime"] = record["ingested"]
        described["uploadSequenceToken"] = sequence_token(record)
    return described


def sequence_token(record: Json) -> str:
    """The token of a stream's next upload: AWS still gives one, and no longer looks at it."""
    return f"{record['id']:020d}{record['next']:036d}"
