"""The commands, as typed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `cumulet …` in a home of its own."""

    def run(*arguments: str, env: dict[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        base = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "CUMULET_", "XDG_"))}
        base |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": os.path.expanduser("~/.cache"), "NO_COLOR": "1"}
        return subprocess.run(
            [str(BIN / "cumulet"), *arguments],
            env={**base, **(env or {})},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **more,
        )

    return run


@pytest.fixture
def detached(cli: Callable[..., Any], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A cloud started with --detach, and what it said of itself."""
    done = cli("start", "--detach", "--port", "0", "--data", str(tmp_path / "data"), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    facts["port"] = facts["endpoint"].rpartition(":")[2]
    yield facts
    cli("stop", "--port", facts["port"])
    assert not alive(facts["pid"])


def alive(pid: int) -> bool:
    """Whether the process runs: one that nobody has waited for has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_help_lists_every_command(cli: Callable[..., Any]) -> None:
    shown = cli("--help").stdout
    for name in ("start", "stop", "status", "logs", "env", "aws", "reset", "doctor", "lab", "wire"):
        assert f"\n  {name} " in shown
        assert cli(name, "--help").returncode == 0 if name != "aws" else True


def test_the_life_of_a_detached_cloud(cli: Callable[..., Any], detached: dict[str, Any]) -> None:
    port = ["--port", detached["port"]]
    status = cli("status", *port)
    assert status.returncode == 0
    assert detached["endpoint"] in status.stdout
    assert json.loads(cli("status", "--json", *port).stdout)["running"] is True
    env = {"CUMULET_PORT": detached["port"]}
    made = cli("aws", "s3", "mb", "s3://cli-bucket", env=env)
    assert made.stdout.strip() == "make_bucket: cli-bucket", made.stderr
    assert "cli-bucket" in cli("aws", "s3", "ls", env=env).stdout
    assert cli("logs", *port).returncode == 0
    assert cli("reset", "--yes", *port).returncode == 0
    assert cli("aws", "s3", "ls", env=env).stdout == ""
    assert cli("stop", *port).stdout.strip() == "Stopped."
    gone = cli("status", *port)
    assert gone.returncode == 1
    assert "cumulet start" in gone.stdout


def test_stop_where_nothing_runs_says_so(cli: Callable[..., Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    done = cli("stop", "--port", port)
    assert (done.returncode, done.stdout) == (0, f"No cloud is running on port {port}.\n")


def test_env_in_every_shells_words(cli: Callable[..., Any]) -> None:
    sh = cli("env", "--port", "4600", env={"SHELL": "/bin/bash"}).stdout
    assert "export AWS_ENDPOINT_URL='http://127.0.0.1:4600'" in sh
    assert "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN" in sh
    fish = cli("env", "--shell", "fish").stdout
    assert "set -gx AWS_ACCESS_KEY_ID 'test';" in fish
    assert "set -e AWS_PROFILE;" in fish
    power = cli("env", "--shell", "powershell").stdout
    assert "$Env:AWS_REGION = 'us-east-1'" in power
    assert "AWS_ACCESS_KEY_ID='123456789012'" in cli("env", "--account", "123456789012", "--shell", "sh").stdout
    assert cli("env", "--account", "12").returncode == 1


def test_what_env_prints_is_what_a_shell_takes(cli: Callable[..., Any], cloud: Any) -> None:
    printed = cli("env", "--shell", "sh", "--port", str(cloud.port)).stdout
    script = f"{printed}\n{BIN}/aws sts get-caller-identity --query Account --output text"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "000000000000", done.stderr


def test_env_writes_a_profile_and_leaves_the_rest(cli: Callable[..., Any], tmp_path: Path, cloud: Any) -> None:
    directory = tmp_path / ".aws"
    directory.mkdir()
    (directory / "config").write_text(
        "# mine\n[default]\nregion = eu-west-1\n\n[profile cumulet]\nregion = old\n[profile z]\nx = 1\n"
    )
    assert cli("env", "--profile", "--port", str(cloud.port)).returncode == 0
    assert cli("env", "--profile", "--port", str(cloud.port)).returncode == 0
    config = (directory / "config").read_text()
    assert config.startswith("# mine\n[default]\nregion = eu-west-1\n")
    assert "[profile z]\nx = 1\n" in config
    assert config.count("[profile cumulet]") == 1
    assert "region = old" not in config
    assert (directory / "credentials").stat().st_mode & 0o777 == 0o600
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
    command = [str(BIN / "aws"), "--profile", "cumulet", "sts", "get-caller-identity"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert json.loads(done.stdout)["Account"] == "000000000000", done.stderr


def test_a_port_in_use_is_one_clear_line(cli: Callable[..., Any], cloud: Any, tmp_path: Path) -> None:
    done = cli("start", "--port", str(cloud.port), "--data", str(tmp_path / "other"))
    assert done.returncode == 1
    assert str(cloud.port) in done.stderr
    assert "--port" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_directory_of_somebody_else_is_left_alone(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"mine")
    for flags in ([], ["--detach"]):
        done = cli("start", "--port", "0", "--data", str(tmp_path / "photos"), *flags)
        assert done.returncode == 1
        assert str(tmp_path / "photos") in done.stderr
        assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["holiday.jpg"]


def test_a_data_directory_in_use_is_refused(cli: Callable[..., Any], detached: dict[str, Any]) -> None:
    done = cli("start", "--port", "0", "--data", detached["data"])
    assert done.returncode == 1
    assert detached["data"] in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_tells_what_works(cli: Callable[..., Any]) -> None:
    done = cli("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["python"]["status"] == "ok"
    assert f"python{sys.version_info.major}.{sys.version_info.minor}" in findings["runtimes"]["found"]
    assert findings["isolation"]["status"] in ("ok", "warning")
    assert "isolation" in cli("doctor").stdout


def test_wire_prints_generated_code(cli: Callable[..., Any]) -> None:
    assert "def parse" in cli("wire", "s3", "PutObject").stdout
    assert cli("wire", "s3", "Nothing").returncode == 1


def test_an_unknown_key_is_refused_with_a_hint_in_the_log(start_cloud: Callable[..., Any]) -> None:
    cloud = start_cloud()
    s3 = cloud.client("s3", account="AKIAIOSFODNN7EXAMPLE")
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.list_buckets()
    assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"
    assert "cumulet env" in cloud.log()


def test_credentials_any_takes_every_key_as_root(start_cloud: Callable[..., Any]) -> None:
    cloud = start_cloud("--credentials", "any")
    who = cloud.client("sts", account="AKIAIOSFODNN7EXAMPLE").get_caller_identity()
    assert who["Arn"] == "arn:aws:iam::000000000000:root"
