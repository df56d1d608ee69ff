"""`aws logs tail` of the AWS CLI 2 (the first has no such command)."""

from __future__ import annotations

import os
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest


def _cli() -> str | None:
    candidates = ["/usr/bin/aws", "/usr/local/bin/aws", shutil.which("aws")]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=60)
            if said.stdout.startswith("aws-cli/2"):
                return path
    return None


@pytest.fixture(scope="module")
def cli() -> str:
    found = _cli()
    if found is None:
        pytest.skip("there is no AWS CLI 2 here (apt install awscli)")
    return found


def test_tail(cloud: Any, account: str, cli: str, put: Callable[..., Any]) -> None:
    now = int(time.time() * 1000)
    put("/app", "one", [(now - 40 * 60_000, "ERROR long ago"), (now - 60_000, "ERROR now"), (now, "INFO now")])

    def tail(*more: str) -> str:
        done = subprocess.run(
            [cli, "logs", "tail", "/app", *more],
            env=cloud.aws_env(account),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def tail_at(endpoint: tuple[str, ...], *more: str) -> str:
        return tail(*endpoint, *more)

    at = ("--endpoint-url", cloud.endpoint)
    assert [line.split(" ", 2)[1:] for line in tail_at(at).splitlines()] == [["one", "ERROR now"], ["one", "INFO now"]]
    assert "long ago" in tail_at(at, "--since", "1h", "--filter-pattern", "ERROR", "--format", "short")
    assert "INFO" not in tail_at(at, "--since", "1h", "--filter-pattern", "ERROR")


def test_tail_follow(cloud: Any, account: str, cli: str, put: Callable[..., Any]) -> None:
    put("/app", "one", ["first"])
    process = subprocess.Popen(
        [cli, "--endpoint-url", cloud.endpoint, "logs", "tail", "/app", "--follow"],
        env={**cloud.aws_env(account), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "first" in _line(process)
        put("/app", "two", ["second"], start=int(time.time() * 1000))
        assert "two second" in _line(process)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        assert waiting.select(timeout=30), "nothing was printed within 30 s"
    return process.stdout.readline()


def test_the_first_cli_reads_logs_too(cloud: Any, account: str, put: Callable[..., Any]) -> None:
    put("/app", "one", ["a line", "another line"])
    done = cloud.aws(
        "logs",
        "filter-log-events",
        "--log-group-name",
        "/app",
        "--filter-pattern",
        "another",
        "--query",
        "events[].message",
        "--output",
        "text",
        account=account,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "another line"), done.stderr
