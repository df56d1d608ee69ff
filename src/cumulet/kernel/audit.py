"""The audit: who called what. Management events and denials are records, trimmed by age; data events pass through a
ring in memory.

A management event commits with what it did. Source: CloudTrail's page 'CloudTrail record contents'.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from cumulet.base.clock import at
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.store import keys, records

if TYPE_CHECKING:
    from .context import Context
    from .machine import Machine

EVENTS = keys.pack("", "", "kernel", "audit")
KEEP = 90 * 86400.0
TRIM_EVERY = 500
RING = 4096


class Audit:
    """Writes events and reads them back, newest first."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._ring: deque[tuple[Any, ...]] = deque(maxlen=RING)
        self._written = 0

    def data(self, ctx: Context, operation: str, error: AwsError | None = None) -> None:
        """A data event, into the ring."""
        self._ring.append(
            (ctx.now, ctx.service, operation, ctx.principal, ctx.region, ctx.request_id, error.code if error else None)
        )

    def management(self, ctx: Context, operation: str, error: AwsError | None = None) -> None:
        """A management event, into the transaction of `ctx`."""
        record = _record(
            ctx.now, ctx.service, operation, ctx.principal, ctx.region, ctx.request_id, error.code if error else None
        )
        ctx.tx.put(EVENTS + keys.pack(int(ctx.now * 1e6), ctx.request_id), records.encode(record))
        self._written += 1
        if self._written % TRIM_EVERY == 0:
            oldest = int((ctx.now - KEEP) * 1e6)
            ctx.tx.clear_range(keys.bounds(EVENTS)[0], EVENTS + keys.pack(oldest))

    def forget(self) -> None:
        """Empty the ring (the store is being cleared)."""
        self._ring.clear()

    def events(self, limit: int = 100) -> list[Json]:
        """The newest events, stored and passing, newest first."""
        lo, hi = keys.bounds(EVENTS)
        stored = [records.decode(raw) for _, raw in self._machine.kv.begin().range(lo, hi, limit, reverse=True)]
        passing = [_record(*event) for event in list(self._ring)[-limit:]]
        return sorted(stored + passing, key=lambda event: event["eventTime"], reverse=True)[:limit]


def _record(
    now: float, service: str, operation: str, principal: Any, region: str, request_id: str, error: str | None
) -> Json:
    record = {
        "eventTime": at(now).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "awsRegion": region,
        "requestID": request_id,
        "userIdentity": {
            "type": principal.kind,
            "arn": principal.arn,
            "accountId": principal.account,
            "accessKeyId": principal.access_key,
        },
    }
    if error is not None:
        record["errorCode"] = error
    return record
