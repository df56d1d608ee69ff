"""AWS Lambda: functions, their versions, layers and permissions, and their invocation on workers of this machine."""

from __future__ import annotations

from cumulet.kernel.service import Service

from . import access, asynchronous, dataplane, lifecycle, packages
from .operations import concurrency, functions, invoke, layers, permissions, tags, versions

MAX_BODY = 69_905_067
"""Bytes of a request: a zip file of 50 MB in base64, as AWS has it."""

service = Service(
    "lambda",
    functions,
    versions,
    invoke,
    permissions,
    layers,
    concurrency,
    tags,
    asynchronous,
    lifecycle,
    max_body=MAX_BODY,
    start=packages.clean,
    dataplane=dataplane.serve,
    access=access.TABLE,
)
