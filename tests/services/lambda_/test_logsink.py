"""The way of log lines: batched, in order, nothing lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cumulet.services.lambda_ import logsink

SPEC: Any = SimpleNamespace(account="111122223333", region="us-east-1", log_group="/aws/lambda/f", role="")


def texts(logs: list[Any], stream: str) -> list[str]:
    return [text for _, _, name, batch in logs if name == stream for text in batch]


def test_lines_go_together_and_in_order(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            sink = logsink.make_sink(h.kernel)
            for number in range(10):
                sink(SPEC, "a", [(number, f"a{number}")])
                sink(SPEC, "b", [(number, f"b{number}")])
            assert h.logs == []
            await asyncio.sleep(0)
            await h.until(lambda: len(h.logs) == 2)
            assert texts(h.logs, "a") == [f"a{n}" for n in range(10)]
            assert texts(h.logs, "b") == [f"b{n}" for n in range(10)]
            assert h.logs[0][:2] == ("111122223333", "/aws/lambda/f")

    run(main())


def test_an_invocations_last_line_does_not_linger(house: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logsink, "LINGER", 3600.0)

    async def main() -> None:
        async with house() as h:
            sink = logsink.make_sink(h.kernel)
            sink(SPEC, "a", [(1, "START RequestId: x")])
            sink(SPEC, "a", [(2, "END RequestId: x"), (3, "REPORT RequestId: x")])
            await h.until(lambda: h.logs)
            assert [len(batch) for _, _, _, batch in h.logs] == [3]
            sink(SPEC, "a", [(4, "a print")])
            await sink.flush()
            assert texts(h.logs, "a")[3:] == ["a print"]
            sink(SPEC, "a", [(5, "REPORT RequestId: y")])
            await h.until(lambda: len(texts(h.logs, "a")) == 5)

    run(main())


def test_invocations_in_quick_succession_share_deliveries(
    house: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logsink, "PAUSE", 0.05)

    async def main() -> None:
        async with house() as h:
            sink = logsink.make_sink(h.kernel)
            for number in range(5):
                sink(SPEC, "a", [(number, f"REPORT RequestId: {number}")])
                await h.until(lambda: h.logs)
            await h.until(lambda: len(texts(h.logs, "a")) == 5)
            assert [len(batch) for _, _, _, batch in h.logs] == [1, 4]
            assert texts(h.logs, "a") == [f"REPORT RequestId: {number}" for number in range(5)]

    run(main())


def test_nothing_is_lost_while_logs_are_away(house: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logsink, "RETRIES", (0.001,))

    async def main() -> None:
        async with house() as h:
            sink = logsink.make_sink(h.kernel)
            h.fail_logs = 3
            sink(SPEC, "a", [(1, "one")])
            await asyncio.sleep(0)
            sink(SPEC, "a", [(2, "two")])
            await h.until(lambda: len(texts(h.logs, "a")) == 2)
            assert texts(h.logs, "a") == ["one", "two"]

    run(main())


def test_floods_go_in_batches(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            sink = logsink.make_sink(h.kernel)
            sink(SPEC, "a", [(n, f"{n}") for n in range(2500)])
            sink(SPEC, "b", [(n, "x" * 200_000) for n in range(3)])
            await h.until(lambda: len(texts(h.logs, "a")) == 2500 and len(texts(h.logs, "b")) == 3)
            assert texts(h.logs, "a") == [f"{n}" for n in range(2500)]
            assert max(len(batch) for _, _, _, batch in h.logs) <= logsink.MAX_EVENTS
            assert [len(batch) for _, _, name, batch in h.logs if name == "b"] == [1, 1, 1]

    run(main())
