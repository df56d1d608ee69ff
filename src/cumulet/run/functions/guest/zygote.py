"""The zygote: one warm, empty interpreter per Python version that forks workers on request.

It is executed clean, inherits one socket, and loads only the standard library and the bootstrap: a function's own packages must
win. The server sends one message per worker (JSON, with the worker's Runtime API socket and log pipe attached) and hears of its start and
its end. In a PID namespace a small init process stands between zygote and worker: it collects orphans, reports how the worker
ended, and when it dies the kernel ends everything that the function started.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from cumulet.run.functions.guest import bootstrap, sandbox
else:
    # The interpreter is isolated (-I): it does not look beside its script by itself.
    sys.path.insert(0, __file__.rpartition("/")[0])
    import bootstrap
    import sandbox

    del sys.path[0]

# What boto3 and most functions load: forked workers find it in memory.
_PRELOAD = (
    "abc argparse ast asyncio base64 binascii bisect calendar codecs collections.abc concurrent.futures.thread "
    "configparser contextlib copy csv ctypes dataclasses datetime decimal difflib email.message email.parser "
    "email.utils encodings.idna enum errno fnmatch functools getpass glob gzip hashlib heapq hmac html http.client "
    "http.cookies inspect io ipaddress itertools json keyword locale logging.handlers math mimetypes mmap numbers "
    "operator pathlib pickle platform plistlib pprint queue quopri random re select shlex shutil socket ssl "
    "statistics string stringprep struct subprocess tempfile textwrap threading time tokenize traceback types "
    "typing unicodedata unittest.mock urllib.parse urllib.request uuid warnings weakref xml.etree.ElementTree "
    "xml.sax zipfile zlib zoneinfo "
)


def _preload() -> None:
    for name in _PRELOAD.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _enter_mode(wanted: str, root: str, needed: list[str]) -> tuple[str, str]:
    """The strongest isolation that this system allows, at most `wanted`, and why it is not more."""
    if wanted == "none":
        return "none", ""
    mode = "namespaces" if os.geteuid() == 0 else "userns"
    try:
        if mode == "namespaces":
            sandbox.unshare(sandbox.NEWNS)
        else:
            sandbox.enter_user_namespace()
        sandbox.build(root, needed)
        _probe()
    except OSError as error:
        return "none", str(error)
    return mode, ""


def _probe() -> None:
    """Fails where a child could not have PID, IPC and mount namespaces of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            sandbox.unshare(sandbox.NEWPID | sandbox.NEWIPC | sandbox.NEWUTS | sandbox.NEWNS)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if status:
        raise OSError(status, os.strerror(status))


class Zygote:
    """Forks workers; knows them by the numbers that the server gave them."""

    def __init__(self, control: socket.socket, mode: str, root: str, needed: list[str]) -> None:
        self.control = control
        self.mode = mode
        self.root = root
        self.needed = needed
        self.workers: dict[int, int] = {}
        self.pids: dict[int, int] = {}
        self.home = os.open("/proc/self/ns/pid", os.O_RDONLY) if mode != "none" else -1
        self.wake, self.bell = os.pipe()
        os.set_blocking(self.bell, False)
        signal.set_wakeup_fd(self.bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        sandbox.adopt_orphans()

    def tell(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self.control.send(json.dumps(message).encode())

    def serve(self) -> NoReturn:
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.wake, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == self.wake:
                    os.read(self.wake, 4096)
                    self.reap()
                else:
                    self.obey()

    def obey(self) -> None:
        data = b""
        fds: list[int] = []
        with contextlib.suppress(ConnectionError):
            data, fds, _, _ = socket.recv_fds(self.control, 1 << 18, 4, socket.MSG_CMSG_CLOEXEC)
        if not data:
            self.leave()
        message = json.loads(data)
        if "kill" in message:
            pid = self.pids.get(message["kill"])
            if pid is not None:
                self.end(pid)
            return
        try:
            pid = self.fork(message, fds)
        except OSError as error:
            self.tell(gone=message["id"], status=255, peak=0, problem=str(error))
        else:
            self.workers[pid] = message["id"]
            self.pids[message["id"]] = pid
        for fd in fds:
            os.close(fd)

    def end(self, pid: int) -> None:
        """Kills a worker; without a PID namespace also, one by one, what it started."""
        below = sandbox.tree(pid) if self.mode == "none" else []
        for victim in (pid, *below):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(victim, signal.SIGKILL)

    def leave(self) -> NoReturn:
        """The server is gone: so is everything that was started for it."""
        if self.mode == "none":
            # What a killed process had started has become our own child, and is found by the next look.
            for _ in range(100):
                below = sandbox.tree(os.getpid())
                if not below:
                    break
                for pid in below:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    while os.waitpid(-1, os.WNOHANG)[0]:
                        pass
                time.sleep(0.001)
        os._exit(0)

    def reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            worker = self.workers.pop(pid, None)
            if worker is None:
                continue
            self.pids.pop(worker, None)
            if self.mode == "none":
                # Its group, since its children are no longer below it.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self.tell(gone=worker, status=os.waitstatus_to_exitcode(status), peak=usage.ru_maxrss)

    def fork(self, config: dict[str, Any], fds: list[int]) -> int:
        if self.mode == "none":
            pid = os.fork()
            if pid == 0:
                self.become_worker(config, fds)
            return pid
        sandbox.unshare(sandbox.NEWPID)
        pid = -1
        try:
            pid = os.fork()
        finally:
            if pid:
                sandbox.setns(self.home, sandbox.NEWPID)
        if pid == 0:
            self.become_init(config, fds)
        return pid

    def become_init(self, config: dict[str, Any], fds: list[int]) -> NoReturn:
        """PID 1 of the worker's namespace."""
        try:
            sandbox.die_with_parent()
            self.tell(started=config["id"])
            sandbox.join_cgroup(config["cgroups"])
            sandbox.enter(self.root, config, self.needed)
            pid = os.fork()
        except OSError as error:
            os.write(fds[1], f"cannot isolate the function: {error}\n".encode())
            os._exit(254)
        if pid == 0:
            self.become_worker(config, fds)
        signal.set_wakeup_fd(-1)
        for fd in (*fds, self.home, self.wake, self.bell):
            os.close(fd)
        while True:
            ended, status, usage = os.wait4(-1, 0)
            if ended == pid:
                self.tell(exited=config["id"], status=os.waitstatus_to_exitcode(status), peak=usage.ru_maxrss)
                os._exit(0)

    def become_worker(self, config: dict[str, Any], fds: list[int]) -> NoReturn:
        code = 1
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._leave_server(config, fds)
            os.environ.clear()
            os.environ.update(config["env"])
            time.tzset()
            sys.argv[:] = ["bootstrap.py"]
            bootstrap.run(bootstrap.Channel(socket.socket(fileno=fds[0])))
        except SystemExit as end:
            code = _exit_code(end)
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
            os._exit(code)

    def _leave_server(self, config: dict[str, Any], fds: list[int]) -> None:
        if self.mode == "none":
            self.tell(started=config["id"])
            sandbox.join_cgroup(config["cgroups"])
        else:
            os.close(self.home)
        self.control.close()
        os.close(self.wake)
        os.close(self.bell)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(fds[1], 1)
        os.dup2(fds[1], 2)
        os.close(fds[1])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = 1024 if hard == resource.RLIM_INFINITY else min(1024, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sandbox.drop_privileges(config["uid"])
        if self.mode == "none":
            sandbox.die_with_parent()


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 255
    print(end.code, file=sys.stderr)
    return 1


def main() -> NoReturn:
    """Arguments: control descriptor, wanted isolation, an empty directory for the new root, then the paths that workers need.

    With `--probe` in the place of the descriptor it only prints the isolation that there would be.
    """
    if sys.argv[1] == "--probe":
        print(_enter_mode(sys.argv[2], sys.argv[3], [])[0], flush=True)
        os._exit(0)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    root = sys.argv[3]
    mode, problem = _enter_mode(sys.argv[2], root, sys.argv[4:])
    _preload()
    sys.dont_write_bytecode = True
    gc.collect()
    gc.freeze()
    zygote = Zygote(control, mode, root, sys.argv[4:])
    zygote.tell(ready=mode, problem=problem)
    zygote.serve()


if __name__ == "__main__":
    main()
