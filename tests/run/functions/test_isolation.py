"""The walls: what a worker may see, keep and become; and that nothing outlives the server."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

import cumulet
from cumulet.run.functions import WorkerFailed, memory, pool, runtimes

if TYPE_CHECKING:
    from tests.run.functions.conftest import Lab

linux = [pytest.mark.linux, pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")]
pytestmark = linux

APP = """
import os, resource, signal, socket, subprocess, sys

def look(event, context):
    try:
        found = os.listdir(event)
    except OSError as error:
        return type(error).__name__
    return sorted(found)

def who(event, context):
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
    return dict(uid=os.getuid(), groups=os.getgroups(), caps=status["CapEff"], bound=status["CapBnd"],
                new=status["NoNewPrivs"], files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                core=resource.getrlimit(resource.RLIMIT_CORE)[0], processes=[p for p in os.listdir("/proc") if p.isdigit()],
                fds=[os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in os.listdir("/proc/self/fd")
                     if os.path.exists(f"/proc/self/fd/{fd}")])

def write(event, context):
    try:
        with open(event, "w") as file:
            file.write("x")
    except OSError as error:
        return error.strerror
    return "written"

def keep(event, context):
    with open("/tmp/kept", "a") as file:
        file.write("x")
    return os.path.getsize("/tmp/kept")

def eat(event, context):
    data = bytearray(300 << 20)
    for at in range(0, len(data), 4096):
        data[at] = 1
    import time
    time.sleep(20)

def aws(event, context):
    import boto3
    return boto3.__file__

def children(event, context):
    child = subprocess.Popen(["sleep", "1234.5"], start_new_session="SAME_SESSION" not in os.environ)
    os.kill(os.getpid(), signal.SIGKILL) if event == "die" else None
    return child.pid

def shell(event, context):
    return subprocess.run(event, shell=True, capture_output=True, text=True).stdout

def python(event, context):
    out = subprocess.run([sys.executable, "-c", "import boto3, json; print(json.dumps('ok'))"], capture_output=True, text=True)
    return out.stdout.strip() or out.stderr

def dial(event, context):
    with socket.create_connection(("127.0.0.1", event), 5) as connection:
        return connection.recv(10).decode()
"""


@pytest.fixture(autouse=True)
def _code(shared: Lab) -> None:
    if shared.functions.isolation == "none":
        pytest.skip("this system allows no namespaces")
    shared.write("app.py", APP)


def _sleepers() -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"sleep\x001234.5\x00":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_worker_sees_its_own_world_only(shared: Lab) -> None:
    # The home of whoever started the server shows the interpreter's folders at the most.
    assert shared.call("app.look", str(shared.root)) in ("FileNotFoundError", "PermissionError")
    assert shared.call("app.look", "/var") == ["lang", "runtime", "task"]
    # An interpreter that lies under /tmp is shown there, and nothing else is.
    inside = {path.parts[2] for path in map(Path, (sys.prefix, sys.base_prefix)) if path.parts[1] == "tmp"}
    assert set(shared.call("app.look", "/tmp")) <= inside
    assert shared.call("app.look", "/home") in ("FileNotFoundError", "PermissionError")
    packages = shared.call("app.look", "/var/runtime")
    assert set(packages) >= {"boto3", "botocore"}
    assert not {"cumulet", "rocksdict"} & set(packages)
    assert len(shared.call("app.who")["processes"]) == 2


def test_a_worker_has_no_privileges(shared: Lab) -> None:
    got = shared.call("app.who")
    assert got["uid"] != 0
    assert got["caps"] == "0" * 16
    assert got["new"] == "1"
    assert (got["files"], got["core"]) == (1024, 0)
    assert sorted(got["fds"]) == ["/dev/null", "pipe", "pipe", "socket"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_accounts_are_users(shared: Lab) -> None:
    one = shared.call("app.who")["uid"]
    assert shared.call("app.who", account="000000000000", version="2")["uid"] == one
    assert shared.call("app.who", account="111111111111", version="3")["uid"] != one


@pytest.mark.parametrize(
    "path", ["/var/task/new", "/var/task/app.py", "/var/runtime/x", "/opt/x", "/x", "/etc/passwd", "/usr/x"]
)
def test_only_tmp_can_be_written(shared: Lab, path: str) -> None:
    assert shared.call("app.write", path) in ("Read-only file system", "Permission denied")
    assert shared.call("app.write", "/tmp/x") == "written"


def test_tmp_lasts_as_long_as_the_worker_and_is_its_own(shared: Lab) -> None:
    assert [shared.call("app.keep"), shared.call("app.keep")] == [1, 2]
    assert shared.call("app.keep", version="2") == 1


def test_programs_and_the_interpreter_run(shared: Lab) -> None:
    assert shared.call("app.shell", "echo $AWS_REGION; hostname; id -u | wc -c") != ""
    assert shared.call("app.python") == '"ok"'
    assert shared.call("app.shell", "python3 -c 'import sys; print(*sys.version_info[:2])'") == "3 11\n"


def test_the_clouds_port_can_be_reached(shared: Lab) -> None:
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True);s.accept()[0].send(b'hi')",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert shared.call("app.dial", int(server.stdout.readline())) == "hi"
    server.wait(5)
    server.stdout.close()


def test_what_a_function_started_ends_with_it(shared: Lab) -> None:
    before = set(_sleepers())
    shared.call("app.children")
    shared.runner.run(shared.until(lambda: len(set(_sleepers()) - before) == 1))
    shared.fail("app.children", "die")
    shared.runner.run(shared.functions.discard(""))
    shared.runner.run(shared.until(lambda: set(_sleepers()) <= before))


SERVER = """
import asyncio, json, sys
from pathlib import Path
from cumulet.run.functions import Functions, FunctionSpec

async def main(root, isolation, zygote):
    functions = Functions(root / "data", endpoint=lambda: "http://127.0.0.1:1", log=lambda *_: None,
                          isolation=isolation, zygote=zygote)
    def spec(handler):
        return FunctionSpec(key=handler, arn="arn", name="f", version="$LATEST", account="000000000000", region="eu-west-1",
            runtime=f"python3.{sys.version_info[1]}", handler=handler, code=root / "code", layers=(), memory_mb=128,
            timeout=30.0, tmp_mb=64, environment=dict(SAME_SESSION="1") if not zygote else {}, log_group="g")
    async def call(handler, event=None):
        outcome = await functions.invoke(spec(handler), json.dumps(event).encode(), request_id="r", credentials=dict)
        return json.loads(outcome.payload)
    first = await call("app.who")
    again = await call("app.who")
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(call("app.hang")) for _ in range(2)]
    await call("app.children")
    hungry = await call("app.eat")
    print(json.dumps([functions.isolation, first, again, hungry]), flush=True)
    if await loop.run_in_executor(None, sys.stdin.readline) == "close\\n":
        await functions.close()
        await asyncio.gather(*tasks, return_exceptions=True)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "zygote"))
"""
HANG = "\ndef hang(event, context):\n    import time\n    time.sleep(25)\n"


def _runs(pid: int) -> bool:
    """Whether a process still runs; one that ended and that only the system's init has yet to collect does not."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return not (state == "Z" and parent == "1")


def _serve(root: Path, isolation: str, zygote: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    (root / "code").mkdir(parents=True)
    root.chmod(0o777)
    (root / "code/app.py").write_text(APP + HANG)
    (root / "server.py").write_text(SERVER)
    return subprocess.Popen(
        [*command, str(root / "server.py"), str(root), isolation, zygote],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
        cwd="/",
    )


@pytest.mark.parametrize(("isolation", "zygote"), [("auto", "zygote"), ("none", "zygote"), ("none", "spawn")])
@pytest.mark.parametrize("end", ["kill", "close"])
def test_nothing_outlives_the_server(
    public: Path, processes: Callable[[int], set[int]], isolation: str, zygote: str, end: str
) -> None:
    if isolation == "none" and os.geteuid() == 0 and not _system_python():
        pytest.skip("root's interpreter cannot be entered by others")
    command, env = [sys.executable], dict(os.environ)
    if isolation == "none" and os.geteuid() == 0:
        command, env = _as_user(public)
    server = _serve(public / "server", isolation, zygote, command, env)
    assert server.stdin is not None
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line, "the server did not come up"
    below = processes(server.pid)
    assert len(below) >= 4
    if end == "kill":
        server.send_signal(signal.SIGKILL)
    else:
        server.stdin.write("close\n")
        server.stdin.flush()
    assert server.wait(10) == (-9 if end == "kill" else 0)
    limit = time.monotonic() + 10
    while left := [pid for pid in below if _runs(pid)]:
        assert time.monotonic() < limit, [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left]
        time.sleep(0.01)
    server.stdin.close()
    server.stdout.close()


def _system_python() -> str | None:
    """An interpreter of our own version that every user may run."""
    path = f"/usr/bin/python3.{sys.version_info[1]}"
    return path if os.access(path, os.X_OK) else None


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    root = Path(tempfile.mkdtemp(prefix="cumulet-test-"))
    root.chmod(0o777)
    yield root
    shutil.rmtree(root)


def _as_user(root: Path) -> tuple[list[str], dict[str, str]]:
    """What starts the server as an ordinary user, where the tests run as root."""
    packages = [str(Path(module.__file__ or "").parents[1]) for module in (cumulet, boto3)]
    command = ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups", _system_python() or "", "-B"]
    return command, {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(packages), "HOME": str(root), "TMPDIR": str(root)}


@pytest.mark.skipif(os.geteuid() != 0 or not _system_python(), reason="needs root and a system interpreter")
@pytest.mark.parametrize("isolation", ["auto", "none"])
def test_an_ordinary_user_gets_what_the_system_allows(public: Path, isolation: str) -> None:
    command, env = _as_user(public)
    server = _serve(public / "server", isolation, "zygote", command, env)
    out, _ = server.communicate("close\n", timeout=20)
    mode, first, again, hungry = json.loads(out)
    assert mode in ("userns", "none") if isolation == "auto" else mode == "none"
    assert first["uid"] == 1000
    assert hungry["errorType"] == "Runtime.OutOfMemory"
    assert first["caps"] == "0" * 16
    assert first["new"] == "1"
    if mode == "userns":
        assert first["processes"] == again["processes"]
        assert len(first["processes"]) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("zygote", [True, False])
def test_root_without_namespaces_never_runs_functions_as_root(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, zygote: bool
) -> None:
    path = _system_python()
    found = runtimes._probe("python3.11", path) if path else None
    if found is not None:
        monkeypatch.setattr(pool, "find_runtime", lambda name: found)
    lab = make_lab(isolation="none", zygote=zygote)
    lab.write("app.py", APP)
    before = set(Path(tempfile.gettempdir()).glob("cumulet-stage-*"))
    try:
        got = lab.call("app.who")
    except WorkerFailed as refused:
        assert "functions never run as root" in str(refused)
    else:
        assert got["uid"] != 0
        assert got["caps"] == "0" * 16
        assert "app.py" in lab.call("app.look", ".")
        assert lab.call("app.write", "new") == "Permission denied"
        assert lab.call("app.aws")
        assert lab.fail("app.eat")["errorType"] == "Runtime.OutOfMemory"
    lab.runner.run(lab.functions.close())
    assert set(Path(tempfile.gettempdir()).glob("cumulet-stage-*")) == before


def test_what_a_killed_server_left_is_swept(shared: Lab) -> None:
    shared.call("app.who")
    ours = next(Path("/sys/fs/cgroup").glob(f"**/cumulet-{os.getpid()}-*"), None)
    if ours is None:
        pytest.skip("no control groups here")
    dead = subprocess.Popen(["true"])
    dead.wait()
    (ours.parent / f"cumulet-{dead.pid}-aa" / "w1").mkdir(parents=True)
    assert memory.Groups().close()
    assert not (ours.parent / f"cumulet-{dead.pid}-aa").exists()
    assert ours.exists()


def test_a_plain_worker_is_not_charged_for_the_server(
    make_lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _system_python() if os.geteuid() == 0 else sys.executable
    found = runtimes._probe("python3.11", path) if path else None
    if found is None:
        pytest.skip("no Python 3.11 that other users may run")
    monkeypatch.setattr(pool, "find_runtime", lambda name: found)
    ballast = bytearray(200 << 20)  # this process is the server; its copy becomes the worker
    ballast[::4096] = b"x" * len(ballast[::4096])
    lab = make_lab(isolation="none", zygote=False)
    lab.write("app.py", "def handler(event, context):\n    return event\n")
    outcome = lab.outcome("app.handler", 1, memory_mb=128)
    assert outcome.error is None, outcome.payload
    assert outcome.max_memory_mb < 100
    del ballast
