"""Who may speak to the cloud: hosts, origins, and what it takes to listen to others."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


def ask(cloud: Any, path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=10)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_listening_to_others_must_be_meant(tmp_path: Path) -> None:
    command = [str(BIN / "cumulet"), "start", "--host", "0.0.0.0", "--port", "0", "--ephemeral"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "--allow-remote" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_cloud_for_others_takes_addresses_but_no_names(start_cloud: Callable[..., Any]) -> None:
    cloud = start_cloud("--ephemeral", "--host", "0.0.0.0", "--allow-remote", "--allow-host", "cloud.example")
    assert ask(cloud, "/_cumulet/health", Host=f"192.168.7.9:{cloud.port}")[0] == 200
    assert ask(cloud, "/_cumulet/health", Host="cloud.example")[0] == 200
    assert ask(cloud, "/_cumulet/health", Host="rebound.example")[0] == 421


def test_a_cloud_for_oneself_takes_no_other_address(cloud: Any) -> None:
    assert ask(cloud, "/_cumulet/health", Host=f"127.0.0.1:{cloud.port}")[0] == 200
    assert ask(cloud, "/_cumulet/health", Host="192.168.7.9")[0] == 421


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:3000", 403),  # the anonymous call is refused by S3, not at the door
        ("https://app.example", 403),
        ("https://evil.example", 403),
    ],
)
def test_pages_that_were_named_may_call(start_cloud: Callable[..., Any], origin: str, status: int) -> None:
    cloud = start_cloud("--ephemeral", "--allow-origin", "https://app.example")
    found = ask(cloud, "/bucket", Origin=origin)
    assert found[0] == status
    assert ("does not serve pages" in found[1]) is ("evil" in origin)
    # The house's own pages are for no page but the house's, whatever has been allowed.
    assert ask(cloud, "/_cumulet/health", Origin=origin)[0] == (200 if "localhost" in origin else 403)
