"""Two ways to start a worker: a zygote that forks (Linux), or an interpreter of its own (macOS, or by choice)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .runtime_api import RuntimeApi
from .runtimes import Runtime
from .spec import WorkerFailed

GUEST = Path(__file__).parent / "guest"
_READY_SECONDS = 30.0
_MESSAGE_LIMIT = 65536
_ORDER_LIMIT = 131072
"""Bytes of a message that a socket of this kind surely takes."""
_CREDENTIALS = struct.Struct("3i")
_CREDENTIALS_SPACE = socket.CMSG_SPACE(_CREDENTIALS.size)


class Order(NamedTuple):
    """A worker to start. `layers` are directories, the last one wins; `uid` None keeps the server's user."""

    id: int
    env: dict[str, str]
    code: Path
    layers: tuple[Path, ...]
    packages: Path
    tmp_mb: int
    uid: int | None
    cgroups: list[str]


class Watcher(Protocol):
    """Who hears of a worker process."""

    def on_started(self, pid: int) -> None:
        """The process runs; `pid` is its number here (of its init process where it has one)."""

    def on_exit(self, status: int, peak_kb: int, problem: str) -> None:
        """It ended: exit status, or minus the signal. `problem` says why it could not start."""

    def on_gone(self) -> None:
        """It and everything that it started are gone, and nothing of it remains to be collected."""


class Launcher(Protocol):
    """Starts workers of one runtime."""

    mode: str

    async def launch(self, order: Order, log_fd: int, api: RuntimeApi, watcher: Watcher) -> None: ...

    def kill(self, worker: int) -> None: ...

    async def close(self) -> None: ...


class ZygoteLauncher:
    """The server's side of a zygote. See `guest/zygote.py`."""

    def __init__(self, runtime: Runtime, wanted: str, root: Path, needed: list[str]) -> None:
        self.mode = "none"
        self.problem = ""
        self.dead = False
        self._waited: asyncio.Future[int] | None = None
        self._loop = asyncio.get_running_loop()
        self._watchers: dict[int, Watcher] = {}
        self._queue: list[tuple[bytes, list[int]]] = []
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._control, guest = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.setblocking(False)
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        command = [runtime.executable, "-I", "-S", "-B", str(GUEST / "zygote.py"), str(guest.fileno())]
        try:
            self._process = subprocess.Popen(
                [*command, wanted, str(root), *needed],
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
                pass_fds=[guest.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                # Of its own session, so that Ctrl-C in the server's terminal is the server's to act on.
                start_new_session=True,
            )
        except OSError:
            self._control.close()
            raise
        finally:
            guest.close()
        self._loop.add_reader(self._control, self._receive)

    async def ready(self) -> None:
        """Returns when it can fork. Raises WorkerFailed where the interpreter does not come up."""
        try:
            await asyncio.wait_for(asyncio.shield(self._ready), _READY_SECONDS)
        except TimeoutError:
            await self.close()
            raise WorkerFailed("the interpreter did not start in time") from None

    async def launch(self, order: Order, log_fd: int, api: RuntimeApi, watcher: Watcher) -> None:
        host, guest = socket.socketpair()
        host.setblocking(False)
        try:
            await self._loop.create_unix_connection(api.connection, sock=host)
        except BaseException:
            host.close()
            guest.close()
            raise
        message = {
            "id": order.id,
            "env": order.env,
            "code": str(order.code),
            "layers": [str(layer) for layer in order.layers],
            "packages": str(order.packages),
            "tmp_mb": order.tmp_mb,
            "uid": order.uid,
            "cgroups": order.cgroups,
        }
        data = json.dumps(message).encode()
        if len(data) > _ORDER_LIMIT:
            guest.close()
            raise WorkerFailed("the function's environment is too large")
        self._watchers[order.id] = watcher
        # Descriptors are duplicated: the message may have to wait, and the caller closes its own.
        self._send(data, [guest.detach(), os.dup(log_fd)])

    def kill(self, worker: int) -> None:
        if worker in self._watchers and not self.dead:
            self._send(json.dumps({"kill": worker}).encode(), [])

    async def close(self) -> None:
        if not self.dead:
            self._end()
        if self._waited is not None:
            await self._waited

    def _send(self, data: bytes, fds: list[int]) -> None:
        self._queue.append((data, fds))
        if len(self._queue) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._queue:
            data, fds = self._queue[0]
            try:
                socket.send_fds(self._control, [data], fds)
            except BlockingIOError:
                self._loop.add_writer(self._control, self._flush)
                return
            except OSError:
                self._end()
                return
            for fd in fds:
                os.close(fd)
            del self._queue[0]
        self._loop.remove_writer(self._control)

    def _receive(self) -> None:
        while not self.dead:
            try:
                data, extra, _, _ = self._control.recvmsg(_MESSAGE_LIMIT, _CREDENTIALS_SPACE)
            except BlockingIOError:
                return
            except OSError:
                data, extra = b"", []
            if not data:
                self._end()
                return
            # The kernel names the sender by its number in our PID namespace, which the sender may not know.
            sender = _CREDENTIALS.unpack(extra[0][2][: _CREDENTIALS.size])[0] if extra else 0
            self._hear(json.loads(data), sender)

    def _hear(self, message: dict[str, Any], sender: int) -> None:
        if "ready" in message:
            self.mode = message["ready"]
            self.problem = message["problem"]
            if not self._ready.done():
                self._ready.set_result(None)
        elif "started" in message:
            if watcher := self._watchers.get(message["started"]):
                watcher.on_started(sender)
        elif "exited" in message:
            if watcher := self._watchers.get(message["exited"]):
                watcher.on_exit(message["status"], message["peak"], "")
        elif watcher := self._watchers.pop(message["gone"], None):
            watcher.on_exit(message["status"], message["peak"], message.get("problem", ""))
            watcher.on_gone()

    def _end(self) -> None:
        """The zygote is gone, and with it, by the kernel's doing, every worker."""
        self.dead = True
        self._loop.remove_reader(self._control)
        self._loop.remove_writer(self._control)
        self._control.close()
        for _, fds in self._queue:
            for fd in fds:
                os.close(fd)
        self._queue.clear()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._waited = self._loop.run_in_executor(None, self._process.wait)
        if not self._ready.done():
            self._ready.set_exception(WorkerFailed("the interpreter ended while it was starting"))
            self._ready.exception()
        watchers, self._watchers = self._watchers, {}
        for watcher in watchers.values():
            watcher.on_exit(-signal.SIGKILL, 0, "")
            watcher.on_gone()


class SpawnLauncher:
    """A whole interpreter per worker, found by its Runtime API on a port of the loopback."""

    mode = "none"

    def __init__(self, runtime: Runtime) -> None:
        self.dead = False
        self._runtime = runtime
        self._processes: dict[int, asyncio.subprocess.Process] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ready(self) -> None:
        return

    async def launch(self, order: Order, log_fd: int, api: RuntimeApi, watcher: Watcher) -> None:
        env = {**order.env, "AWS_LAMBDA_RUNTIME_API": await api.listen()}
        life, hold = os.pipe()
        env["_CUMULET_LIFE_FD"] = str(life)
        if order.uid is not None:
            # It becomes that user itself: uvloop's subprocesses cannot.
            env["_CUMULET_UID"] = str(order.uid)
        try:
            process = await asyncio.create_subprocess_exec(
                self._runtime.executable,
                "-I",
                "-S",
                "-B",
                str(GUEST / "bootstrap.py"),
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=[life],
                start_new_session=True,
            )
        except OSError:
            os.close(hold)
            raise
        finally:
            os.close(life)
        self._processes[order.id] = process
        watcher.on_started(process.pid)
        task = asyncio.get_running_loop().create_task(self._wait(order.id, process, hold, watcher))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wait(self, worker: int, process: asyncio.subprocess.Process, hold: int, watcher: Watcher) -> None:
        status = await process.wait()
        self._processes.pop(worker, None)
        os.close(hold)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        watcher.on_exit(status, 0, "")
        watcher.on_gone()

    def kill(self, worker: int) -> None:
        process = self._processes.get(worker)
        if process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    async def close(self) -> None:
        self.dead = True
        for worker in list(self._processes):
            self.kill(worker)
        if self._tasks:
            await asyncio.wait(set(self._tasks))


def probe(wanted: str, root: Path) -> str:
    """The isolation that workers of this machine get: `namespaces`, `userns` or `none`. Blocks for some 30 ms."""
    if wanted == "none" or sys.platform != "linux":
        return "none"
    command = [sys.executable, "-I", "-S", "-B", str(GUEST / "zygote.py"), "--probe", wanted, str(root)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return "none"
    return done.stdout.strip() or "none"
