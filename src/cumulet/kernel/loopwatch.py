"""Under test: says aloud when one turn of the event loop computes for too long, because then everybody else waits.

It measures the processor time of the loop's thread, not the clock on the wall: a busy machine is nobody's fault.
"""

from __future__ import annotations

import asyncio
import logging
import time

log = logging.getLogger(__name__)

PERIOD = 0.005
LIMIT = 0.1
"""Seconds of processor time. The house plan allows a callback 5 ms and a test 50; here every transaction runs twice."""


class LoopWatch:
    """Looks at the running loop every few milliseconds until it is stopped."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._spent = time.thread_time()
        self._timer = self._loop.call_later(PERIOD, self._look)

    def _look(self) -> None:
        spent = time.thread_time()
        if spent - self._spent > LIMIT:
            log.error("the event loop was held for %.0f ms", (spent - self._spent) * 1000)
        self._spent = spent
        self._timer = self._loop.call_later(PERIOD, self._look)

    def stop(self) -> None:
        """No longer look."""
        self._timer.cancel()
