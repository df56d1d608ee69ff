"""Whoever holds the loop is told of."""

from __future__ import annotations

import asyncio
import time

import pytest

from cumulet.kernel import loopwatch
from cumulet.kernel.loopwatch import LoopWatch


@pytest.mark.parametrize("held", [True, False])
def test_a_long_turn_is_said_aloud_and_short_ones_are_not(
    held: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopwatch, "LIMIT", 0.03)

    async def main() -> None:
        watch = LoopWatch()
        begun = time.thread_time()
        while time.thread_time() - begun < 0.04:
            if not held:
                await asyncio.sleep(0)
        await asyncio.sleep(2 * loopwatch.PERIOD)
        watch.stop()

    asyncio.run(main())
    assert ("event loop was held" in caplog.text) is held
