"""A machine that runs functions, for tests: real workers, on uvloop as in the server."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from cumulet.run.functions import Functions, FunctionSpec, Outcome

REQUEST_ID = "8f5a1c1e-0000-4000-a000-000000000001"


class Lab:
    """Functions with a code directory, a log that can be read, and a loop of its own."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.code = root / "code"
        self.code.mkdir(parents=True)
        self.code.chmod(0o755)
        self.events: list[tuple[str, int, str]] = []
        self.credentials_asked = 0
        # The weaker ways of running functions are tested by setting this: `none`, or `spawn` for plain interpreters.
        way = os.environ.get("CUMULET_TEST_ISOLATION", "auto")
        settings = {"isolation": "none" if way == "spawn" else way, "zygote": way != "spawn", **settings}
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.functions = self.runner.run(self._open(settings))

    async def _open(self, settings: dict[str, Any]) -> Functions:
        return Functions(self.root / "data", endpoint=lambda: "http://127.0.0.1:4566", log=self._log, **settings)

    def _log(self, spec: FunctionSpec, stream: str, events: list[tuple[int, str]]) -> None:
        self.events += [(stream, at, text) for at, text in events]

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.events]

    def write(self, name: str, text: str) -> None:
        path = self.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)

    def spec(self, handler: str = "app.handler", **changes: Any) -> FunctionSpec:
        spec = FunctionSpec(
            key=f"f:{handler}:{sorted(changes.items())}",
            arn="arn:aws:lambda:eu-west-1:000000000000:function:f",
            name="f",
            version="$LATEST",
            account="000000000000",
            region="eu-west-1",
            runtime="python3.11",
            handler=handler,
            code=self.code,
            layers=(),
            memory_mb=128,
            timeout=10.0,
            tmp_mb=64,
            environment={},
            log_group="/aws/lambda/f",
        )
        return replace(spec, **changes)

    async def start(self, spec: FunctionSpec, event: Any = None, **more: Any) -> Outcome:
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        more.setdefault("request_id", REQUEST_ID)
        return await self.functions.invoke(spec, payload, credentials=self._credentials, **more)

    def _credentials(self) -> dict[str, str]:
        self.credentials_asked += 1
        return {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}

    def outcome(self, handler: str = "app.handler", event: Any = None, **changes: Any) -> Outcome:
        return self.runner.run(self.start(self.spec(handler, **changes), event))

    def call(self, handler: str = "app.handler", event: Any = None, **changes: Any) -> Any:
        """The function's result; fails where the function did."""
        outcome = self.outcome(handler, event, **changes)
        assert outcome.error is None, outcome.payload
        return json.loads(outcome.payload)

    def fail(self, handler: str = "app.handler", event: Any = None, **changes: Any) -> dict[str, Any]:
        """The function's error; fails where the function did not."""
        outcome = self.outcome(handler, event, **changes)
        assert outcome.error == "Unhandled"
        error: dict[str, Any] = json.loads(outcome.payload)
        return error

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Waits, with the loop running, until something is so."""
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, "it did not come to pass"
            await asyncio.sleep(0.005)

    def close(self) -> None:
        self.runner.run(self.functions.close())
        self.runner.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A machine of the test's own."""
    lab = Lab(tmp_path)
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A machine for a whole file, where tests do not disturb each other."""
    lab = Lab(tmp_path_factory.mktemp("functions"))
    yield lab
    lab.close()


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Makes machines with settings of their own."""
    made: list[Lab] = []

    def make(**settings: Any) -> Lab:
        made.append(Lab(tmp_path / f"lab{len(made)}", **settings))
        return made[-1]

    yield make
    for lab in made:
        lab.close()


def descendants(pid: int) -> set[int]:
    """The processes below `pid`, zombies included."""
    found: set[int] = set()
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry))
    waiting = [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found.update(children)
        waiting += children
    return found


@pytest.fixture
def processes() -> Callable[[int], set[int]]:
    return descendants
