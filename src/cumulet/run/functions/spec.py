"""The nouns of this package: what is to run, what came of it, and what may go wrong before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from cumulet.base.errors import CumuletError


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One version of a function, ready to run. Workers are pooled by `key`, so it changes with the code and the configuration.

    `code` and `layers` are unpacked directories that others may read (see `archive.unpack`); `timeout` is in seconds;
    `environment` holds the user's variables only; `concurrency` is the reserved concurrency, None where none is reserved;
    `role` is the ARN of the role that the function takes, for who delivers its log.
    """

    key: str
    arn: str
    name: str
    version: str
    account: str
    region: str
    runtime: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    memory_mb: int
    timeout: float
    tmp_mb: int
    environment: dict[str, str]
    log_group: str
    concurrency: int | None = None
    role: str = ""


@dataclass(slots=True)
class Outcome:
    """What an invocation gave. `error` is the value of `X-Amz-Function-Error`; `tail` the last 4 KB of the invocation's log."""

    payload: bytes
    error: str | None
    tail: bytes
    duration_ms: float
    billed_ms: int
    max_memory_mb: int
    init_ms: float | None


LogSink: TypeAlias = Callable[[FunctionSpec, str, list[tuple[int, str]]], None]
"""Takes a function's log events (milliseconds since the epoch, text) for a log stream. It must not block."""


class TooManyWorkers(CumuletError):
    """No further worker may start: `reserved` tells the function's reserved concurrency from this machine's own limit."""

    def __init__(self, message: str, *, reserved: bool = False) -> None:
        super().__init__(message)
        self.reserved = reserved


class RuntimeUnavailable(CumuletError):
    """The function's runtime is not on this machine; the message says what to install."""


class WorkerFailed(CumuletError):
    """A worker could not be started for a reason that is not the function's; the message says which."""
