"""Interpreters: how they are found, and that functions run on each of them, in whatever way workers are started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cumulet.run.functions import Runtime, RuntimeMissing, find_runtime, packages, runtimes
from cumulet.run.functions.guest import bootstrap
from cumulet.run.functions.stage import reachable

if TYPE_CHECKING:
    from tests.run.functions.conftest import Lab

OWN = f"python3.{sys.version_info[1]}"
APP = """
import logging, sys

def handler(event, context):
    print("hello")
    logging.warning("careful")
    return [list(sys.version_info[:2]), event]

def boom(event, context):
    raise ValueError("x")

def text(event, context):
    return "\\u00fc"

def aws(event, context):
    import boto3
    return boto3.client("s3").meta.endpoint_url

def hang(event, context):
    import time
    time.sleep(60)
"""


def test_our_own_interpreter_is_found() -> None:
    found = find_runtime(OWN)
    assert isinstance(found, Runtime)
    assert found.version == sys.version_info[:3]
    assert os.access(found.executable, os.X_OK)
    assert not [path for path in found.needed if not Path(path).exists()]


@pytest.mark.parametrize(
    "name", ["python2.7", "python3.8", "python3.99", "nodejs22.x", "provided.al2023", "", "../python3.11"]
)
def test_what_is_not_supported_says_so(name: str) -> None:
    found = find_runtime(name)
    assert isinstance(found, RuntimeMissing)
    assert "python3.9 to python3.14" in found.message


def test_what_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "_search", runtimes._search.__wrapped__)
    monkeypatch.setattr(runtimes, "_probe", lambda name, executable: None)
    found = find_runtime("python3.10")
    assert isinstance(found, RuntimeMissing)
    for word in ("python3.10", "uv python install 3.10", "pyenv install 3.10", "apt install", "brew install"):
        assert word in found.message


def test_pyenv_uv_and_path_are_searched_newest_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def probe(name: str, executable: str) -> None:
        asked.append(executable)

    for folder in ("pyenv/versions/3.10.9", "pyenv/versions/3.10.13", "uv/cpython-3.10.20-linux"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("PATH", f"{tmp_path}/shims:{tmp_path}/bin")
    monkeypatch.setattr(runtimes, "_probe", probe)
    with pytest.raises(LookupError):
        runtimes._search.__wrapped__("python3.10")
    relative = [path.removeprefix(f"{tmp_path}/") for path in asked if path.startswith(str(tmp_path))]
    assert relative == [
        "pyenv/versions/3.10.13/bin/python3.10",
        "pyenv/versions/3.10.9/bin/python3.10",
        "uv/cpython-3.10.20-linux/bin/python3.10",
        "bin/python3.10",
    ]


def test_a_program_that_only_bears_the_name_is_passed_over(tmp_path: Path) -> None:
    fake = tmp_path / "python3.10"
    fake.write_text('#!/bin/sh\necho \'[[3,11,1],"/","/","/",""]\'\n')
    fake.chmod(0o755)
    assert runtimes._probe("python3.10", str(fake)) is None
    fake.write_text("#!/bin/sh\nexit 1\n")
    assert runtimes._probe("python3.10", str(fake)) is None


@pytest.mark.parametrize("name", [name for name in runtimes.SUPPORTED if name != OWN])
def test_functions_run_on_other_versions(shared: Lab, name: str) -> None:
    found = find_runtime(name)
    if isinstance(found, RuntimeMissing):
        pytest.skip(f"{name} is not on this machine")
    shared.write("app.py", APP)
    shared.events.clear()
    assert shared.call("app.handler", 1, runtime=name) == [list(found.version[:2]), 1]
    assert f"Runtime Version: {name.replace('python', 'python:')}.v{found.version_text}\t" in shared.texts[0]
    assert shared.texts[2] == "hello\n"
    assert shared.texts[3].endswith("\tcareful\n")
    assert shared.fail("app.boom", runtime=name)["errorType"] == "ValueError"
    assert (
        shared.outcome("app.text", runtime=name).payload
        == ('"ü"' if found.version >= (3, 12) else '"\\u00fc"').encode()
    )
    if found.version >= (3, 10):
        assert shared.call("app.aws", runtime=name) == "http://127.0.0.1:4566"


def test_other_versions_get_byte_code_of_boto3(shared: Lab) -> None:
    name = next(
        (n for n in ("python3.12", "python3.13", "python3.10") if n != OWN and isinstance(find_runtime(n), Runtime)), ""
    )
    if not name:
        pytest.skip("no other interpreter on this machine")
    shared.write("app.py", APP)
    shared.call("app.handler", runtime=name)
    (folder,) = (shared.root / "data/packages").glob(f"{name}-*")
    shared.runner.run(shared.until((folder / ".compiled").exists, 60))
    tag = f"cpython-{name.removeprefix('python').replace('.', '')}"
    assert list((folder / "botocore/__pycache__").glob(f"client.{tag}.pyc"))
    assert (folder / "botocore/client.py").is_symlink()


def test_a_boto3_that_is_too_new_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = Runtime("python3.6", "/usr/bin/python3.6", (3, 6, 9), ())
    packages.folder(tmp_path, old)
    assert "boto3" in caplog.text
    assert "functions on python3.6 should bring an older one in their package" in caplog.text


def test_a_worker_without_a_zygote(make_lab: Callable[..., Lab], processes: Callable[[int], set[int]]) -> None:
    if os.geteuid() == 0 and not _enterable():
        pytest.skip("root's interpreter cannot be entered by others")
    lab = make_lab(zygote=False)
    assert lab.functions.isolation == "none"
    lab.write("app.py", APP)
    assert lab.call("app.handler", {"a": 1}) == [list(sys.version_info[:2]), {"a": 1}]
    assert lab.call("app.handler", 2)[1] == 2
    assert lab.fail("app.boom")["errorType"] == "ValueError"
    assert lab.fail("app.absent")["errorType"] == "Runtime.HandlerNotFound"
    assert lab.fail("app.hang", timeout=0.2)["errorType"] == "Sandbox.Timedout"
    assert "hello\n" in lab.texts


def _enterable() -> bool:
    found = find_runtime(OWN)
    return isinstance(found, Runtime) and all(
        reachable(Path(path)) for path in (os.path.realpath(found.executable), *found.needed)
    )


def test_the_bootstrap_stays_readable_for_python_3_9() -> None:
    """The syntax is what CI can check where no such interpreter is at hand."""
    import ast

    for path in Path(bootstrap.__file__).parent.glob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))
