"""A real cloud for tests: one server process for the whole run, its own account for every test, real unmodified
clients."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

BIN = Path(sys.executable).parent
REGION = "us-east-1"
AWS2 = "/usr/bin/aws"
_session = boto3.session.Session()  # one for all: each loads its data files anew
_accounts = itertools.count(int(time.time()) % 10**8 * 1000 + 100_000_000_000)


class CloudProcess:
    """A server started as a user would start it, on a free port."""

    def __init__(self, directory: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.flags = flags
        self.env = env or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.endpoint = ""
        self.port = 0
        self.start()

    def start(self) -> None:
        """Start, or start again on the same data and the same port."""
        read, write = os.pipe()
        command = [
            sys.executable,
            "-m",
            "cumulet",
            "start",
            "--port",
            str(self.port),
            "--ready-fd",
            str(write),
            *self.flags,
        ]
        log = (self.directory / "server.log").open("ab")
        env = {**os.environ, "HOME": str(self.directory), "XDG_STATE_HOME": str(self.directory / "state"), **self.env}
        env.setdefault("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(write,)
        )
        log.close()
        os.close(write)
        with os.fdopen(read) as pipe:
            line = pipe.readline()
        if not line:
            self.process.wait()
            raise RuntimeError("the server did not start:\n" + self.log())
        self.endpoint = json.loads(line)["endpoint"]
        self.port = int(self.endpoint.rpartition(":")[2])

    def log(self) -> str:
        """What the server has written so far."""
        return (self.directory / "server.log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """A polite end; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def client(
        self, service: str, *, account: str = "test", region: str = REGION, config: Config | None = None, **more: Any
    ) -> Any:
        """A boto3 client of an account's root (or of `aws_access_key_id=…` credentials)."""
        base = Config(retries={"max_attempts": 1, "mode": "standard"}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test", **more}
        return _session.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            config=base.merge(config) if config else base,
            **keys,
        )

    def aws_env(self, account: str = "test", region: str = REGION) -> dict[str, str]:
        """The environment of a user who has typed `eval "$(cumulet env)"`."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        return {
            **env,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "HOME": str(self.directory),
        }

    def aws(
        self, *args: str, account: str = "test", region: str = REGION, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run the real AWS CLI, version 1, from PyPI."""
        return self._aws([str(BIN / "aws"), *args], account, region, timeout)

    def aws2(
        self, *args: str, account: str = "test", region: str = REGION, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run the real AWS CLI, version 2, from Debian; it is of 2022 and knows no AWS_ENDPOINT_URL."""
        if not Path(AWS2).exists():
            pytest.skip("no AWS CLI version 2: apt-get install awscli")
        return self._aws([AWS2, "--endpoint-url", self.endpoint, *args], account, region, timeout)

    def _aws(self, command: list[str], account: str, region: str, timeout: float) -> subprocess.CompletedProcess[str]:
        env = self.aws_env(account, region)
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=timeout, check=False, cwd=self.directory
        )

    def admin(self, method: str, path: str) -> Any:
        """One of the house's own pages, decoded."""
        request = urllib.request.Request(self.endpoint + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """The run's cloud: in memory, every transaction rehearsed, quick retries of asynchronous invocations."""
    env = {"CUMULET_REHEARSE": "1", "CUMULET_LAMBDA_RETRY_DELAYS": "0.2,0.4"}
    server = CloudProcess(tmp_path_factory.mktemp("cloud"), "--ephemeral", env=env)
    yield server
    server.stop()
    if server.process is not None and server.process.returncode != 0:
        raise RuntimeError(f"the server ended with {server.process.returncode}:\n{server.log()[-4000:]}")
    held = [line for line in server.log().splitlines() if "the event loop was held" in line]
    if held:
        raise RuntimeError("\n".join(held))


@pytest.fixture
def account() -> str:
    """A fresh account's id, which is also its root's access key."""
    return str(next(_accounts))


@pytest.fixture
def start_cloud(tmp_path: Path) -> Iterator[Callable[..., CloudProcess]]:
    """Start further clouds, each with its own data directory unless `--data` is given; they end with the test."""
    started: list[CloudProcess] = []

    def start(*flags: str, env: dict[str, str] | None = None) -> CloudProcess:
        directory = tmp_path / f"cloud{len(started)}"
        directory.mkdir()
        data = () if "--data" in flags or "--ephemeral" in flags else ("--data", str(directory / "data"))
        server = CloudProcess(directory, *flags, *data, env=env)
        started.append(server)
        return server

    yield start
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.stop()
        shutil.rmtree(server.directory / "data", ignore_errors=True)


def wait_for(condition: Callable[[], Any], timeout: float = 15.0, what: str = "the condition") -> Any:
    """Poll until `condition()` is true and return its value; tests get it as the fixture `eventually`."""
    until = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come true within {timeout} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`eventually(lambda: …)` waits until something holds."""
    return wait_for
