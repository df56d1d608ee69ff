"""Retention: how many days a group's events are kept."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import jobs, rules, state


@operation
def put_retention_policy(ctx: Context, req: Json) -> None:
    """Events that are older are hidden at once and deleted by a job.

    See CloudWatch Logs API Reference, 'PutRetentionPolicy'.
    """
    group = rules.existing_group(ctx, req["logGroupName"])
    rules.check_retention(req["retentionInDays"])
    state.put_group(ctx, {**group, "retention": req["retentionInDays"]})
    jobs.schedule_retention(ctx, group)


@operation
def delete_retention_policy(ctx: Context, req: Json) -> None:
    """See CloudWatch Logs API Reference, 'DeleteRetentionPolicy'."""
    group = rules.existing_group(ctx, req["logGroupName"])
    state.put_group(ctx, {key: value for key, value in group.items() if key != "retention"})
    ctx.cancel(jobs.retention_id(group))
