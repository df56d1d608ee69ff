"""The audit: who called what. Management events and denials are records, trimmed by age; data events pass through a
ring in memory.

A management event commits with what it did. Source: CloudTrail's page 'CloudTrail record contents'.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from cumulet.base.clock import at
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.store import keys, records

from .authorise import Judged

if TYPE_CHECKING:
    from .context import Context
    from .machine import Machine

EVENTS = keys.pack("", "", "kernel", "audit")
KEEP = 90 * 86400.0
TRIM_EVERY = 500
RING = 4096
SEARCHED = 5000
"""Stored events that are searched for one request."""


class _Event(NamedTuple):
    """A call that has ended; cheap to make, since every call makes one."""

    now: float
    service: str
    operation: str
    principal: Principal
    region: str
    request_id: str
    error: str | None
    verdicts: list[Judged]


class Audit:
    """Writes events and reads them back, newest first."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._ring: deque[_Event] = deque(maxlen=RING)
        self._written = 0

    def data(self, ctx: Context, operation: str, error: AwsError | None = None) -> None:
        """A data event, into the ring."""
        code = error.code if error is not None else None
        self._ring.append(
            _Event(ctx.now, ctx.service, operation, ctx.principal, ctx.region, ctx.request_id, code, ctx.verdicts)
        )

    def management(self, ctx: Context, operation: str, error: AwsError | None = None) -> None:
        """A management event, into the transaction of `ctx`; with the reasons where it was refused, which the ring keeps of all."""
        self.data(ctx, operation, error)
        record = _record(self._ring[-1], reasons=error is not None)
        ctx.tx.put(EVENTS + keys.pack(int(ctx.now * 1e6), ctx.request_id), records.encode(record))
        self._written += 1
        if self._written % TRIM_EVERY == 0:
            oldest = int((ctx.now - KEEP) * 1e6)
            ctx.tx.clear_range(keys.bounds(EVENTS)[0], EVENTS + keys.pack(oldest))

    def forget(self) -> None:
        """Empty the ring (the store is being cleared)."""
        self._ring.clear()

    def events(self, limit: int = 100, request_id: str | None = None) -> list[Json]:
        """The newest events, stored and passing, newest first; with a request's id only that request's."""
        lo, hi = keys.bounds(EVENTS)
        depth = limit if request_id is None else SEARCHED
        stored = [records.decode(raw) for _, raw in self._machine.kv.begin().range(lo, hi, depth, reverse=True)]
        ring = list(self._ring)
        if request_id is None:
            passing = [_record(event) for event in ring[-limit:]]
        else:
            stored = [event for event in stored if event["requestID"] == request_id]
            passing = [_record(event) for event in ring if event.request_id == request_id]
        # A management event is in both; the passing one knows its reasons.
        found = {(event["requestID"], event["eventName"]): event for event in [*stored, *passing]}
        return sorted(found.values(), key=lambda event: event["eventTime"], reverse=True)[:limit]


def _record(event: _Event, *, reasons: bool = True) -> Json:
    who = event.principal
    record: Json = {
        "eventTime": at(event.now).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventSource": f"{event.service}.amazonaws.com",
        "eventName": event.operation,
        "awsRegion": event.region,
        "requestID": event.request_id,
        "userIdentity": {
            "type": who.kind,
            "arn": who.arn,
            "accountId": who.account,
            "accessKeyId": who.access_key,
        },
    }
    if event.error is not None:
        record["errorCode"] = event.error
    if reasons and event.verdicts:
        record["decisions"] = [judged.explained() for judged in event.verdicts]
    return record
