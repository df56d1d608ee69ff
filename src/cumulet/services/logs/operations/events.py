"""Putting events: PutLogEvents from outside, DeliverEvents from other services."""

from __future__ import annotations

from operator import itemgetter

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state
from .streams import sequence_token

_PIECE = 256 * 1024
"""Bytes of one message; what a service delivers beyond that becomes several events, as Lambda's output does."""


@operation(data=True)
def put_log_events(ctx: Context, req: Json) -> Json:
    """Sequence tokens are taken and ignored; `entity` is not kept.

    See CloudWatch Logs API Reference, 'PutLogEvents'.
    """
    group = rules.existing_group(ctx, req["logGroupName"])
    name = req["logStreamName"]
    stream = rules.existing_stream(ctx, group, name)
    admitted, rejected = rules.admit(ctx, group, rules.batch(req["logEvents"]))
    if admitted:
        stream = state.append(ctx, group["id"], name, stream, admitted)
    result: Json = {"nextSequenceToken": sequence_token(stream)}
    if rejected:
        result["rejectedLogEventsInfo"] = rejected
    return result


@operation(data=True, internal=True)
def deliver_events(ctx: Context, req: Json) -> Json:
    """For services: append `logEvents` to a stream, which is made, and its group too, where they are missing.

    Takes logGroupName, logStreamName and logEvents [{timestamp, message}] of at most about 8 MB. What PutLogEvents
    would reject for its time is dropped. Returns {}.
    """
    group_name, name = req["logGroupName"], req["logStreamName"]
    group = state.group(ctx, group_name)
    if group is None:
        group = state.create_group(ctx, group_name, {"class": "STANDARD"})
    stream = state.stream(ctx, group["id"], name)
    if stream is None:
        stream = state.create_stream(ctx, group["id"], name)
    events = [(event["timestamp"], piece) for event in req["logEvents"] for piece in _pieces(event["message"])]
    events.sort(key=itemgetter(0))
    admitted, _ = rules.admit(ctx, group, events)
    if admitted:
        state.append(ctx, group["id"], name, stream, admitted)
    return {}


def _pieces(message: str) -> list[bytes]:
    raw = message.encode("utf-8", "replace")
    if len(raw) <= _PIECE:
        return [raw]
    pieces = []
    while raw:
        cut = min(_PIECE, len(raw))
        # Never cut within a character: a continuation byte begins with the bits 10.
        while cut < len(raw) and raw[cut] & 0xC0 == 0x80:
            cut -= 1
        pieces.append(raw[:cut])
        raw = raw[cut:]
    return pieces
