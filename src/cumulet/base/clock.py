"""Time as a thing that can be set, so that tests and labs decide what o'clock it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the kernel asks for the time."""

    def time(self) -> float:
        """Seconds since the epoch."""


class SystemClock:
    """The machine's clock."""

    time = staticmethod(time.time)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.now = start

    def time(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def at(seconds: float) -> datetime:
    """The aware UTC datetime of `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
