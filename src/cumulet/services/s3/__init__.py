"""Amazon S3: buckets and objects, multipart uploads, notifications to Lambda."""

from __future__ import annotations

from cumulet.kernel.service import Service

from . import access, events, jobs
from .operations import (
    attributes,
    buckets,
    completing,
    copy,
    defaults,
    listing,
    multipart,
    notifications,
    objects,
    tagging,
    uploads,
)

MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of a document: the largest honest one names 10,000 parts with their checksums."""

service = Service(
    "s3",
    buckets,
    defaults,
    objects,
    copy,
    listing,
    multipart,
    completing,
    uploads,
    attributes,
    tagging,
    notifications,
    events,
    jobs,
    max_body=MAX_DOCUMENT,
    access=access.TABLE,
)
