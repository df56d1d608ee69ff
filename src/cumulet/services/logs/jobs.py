"""Jobs: deleting what a group no longer keeps, and what a deleted stream left behind. At most 500 records a transaction."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import job

from . import rules, state

_CHUNKS = 200
"""A chunk is two records, and the streams and the group are written as well."""

_PAUSE = 3600.0
_SOON = 0.02


def retention_id(group: Json) -> str:
    """The id of the job that keeps a group's retention."""
    return f"logs-retention-{group['id']}"


def schedule_retention(ctx: Context, group: Json) -> None:
    """Have the job of a group run now."""
    ctx.schedule("logs.retention", {"group": group["name"], "id": group["id"]}, ctx.now, job_id=retention_id(group))


@job("retention")
def retention(ctx: Context, detail: Json) -> float | None:
    """Delete a page of expired events; come back at once for more, else when the oldest that is left expires."""
    group = state.group(ctx, detail["group"])
    if group is None or group["id"] != detail["id"] or "retention" not in group:
        return None
    more, oldest = state.expire(ctx, group["id"], rules.horizon(ctx, group), _CHUNKS)
    if more:
        return ctx.now + _SOON
    if oldest is None:
        return ctx.now + _PAUSE
    days: int = group["retention"]
    return max(ctx.now + _PAUSE, oldest / 1000 + days * 86_400)


@job("sweep")
def sweep(ctx: Context, detail: Json) -> float | None:
    """Delete a page of the events of a stream that is gone."""
    return ctx.now + _SOON if state.sweep(ctx, detail["group"], detail["stream"], _CHUNKS) else None
