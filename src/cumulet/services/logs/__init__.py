"""CloudWatch Logs: groups, streams, events, filters, retention."""

from __future__ import annotations

from cumulet.kernel.service import Service

from . import access, jobs
from .operations import events, groups, read, retention, streams, tags

service = Service("logs", groups, streams, events, read, retention, tags, jobs, access=access.TABLE)
