"""The functions of this machine: warm workers by function version, new ones on demand, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from cumulet.base.ids import hexid

from . import environment, launch, limits, memory, packages, report
from .runtime_api import event_headers
from .runtimes import Runtime, RuntimeMissing, find_runtime
from .spec import FunctionSpec, LogSink, Outcome, RuntimeUnavailable, TooManyWorkers, WorkerFailed
from .stage import Stage
from .worker import InitFailed, Worker

_log = logging.getLogger(__name__)
_MEMORY_TICK = 0.1
_LAUNCH_SECONDS = 5.0


class Functions:
    """Runs functions. One per server, made inside its event loop; `close` leaves no process, descriptor or directory behind.

    `root` is a directory of its own that only the server's user may enter. `endpoint` gives the cloud's URL as workers see it. `log` takes
    log events and must not block. `isolation` is the most that is wanted (`auto`, `none`); the attribute of that name says what
    workers get: `namespaces`, `userns` or `none`.
    """

    def __init__(
        self,
        root: Path,
        *,
        endpoint: Callable[[], str],
        log: LogSink,
        isolation: str = "auto",
        zygote: bool = sys.platform == "linux",
        init_timeout: float = 10.0,
        idle_seconds: float = 300.0,
        max_workers: int | None = None,
    ) -> None:
        self._root = root
        self._endpoint = endpoint
        self._sink = log
        self._wanted = isolation
        self._zygote = zygote
        self._init_timeout = init_timeout
        self._idle_seconds = idle_seconds
        self._max = max_workers if max_workers is not None else limits.workers()
        self._mode: str | None = None if zygote else "none"
        self._launchers: dict[str, asyncio.Task[launch.ZygoteLauncher | launch.SpawnLauncher]] = {}
        self._packages: dict[str, Path] = {}
        self._compiling: list[subprocess.Popen[bytes]] = []
        self._compiled: list[asyncio.Future[int]] = []
        self._workers: dict[int, Worker] = {}
        self._idle: dict[str, list[Worker]] = {}
        self._active: dict[tuple[str, str, str], int] = {}
        self._tasks: set[asyncio.Future[Outcome]] = set()
        self._numbers = itertools.count(1)
        self._groups: memory.Groups | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._reaper: asyncio.TimerHandle | None = None
        self._gone = asyncio.Event()
        self._closed = False
        for name in ("root", "packages"):
            (root / name).mkdir(parents=True, exist_ok=True, mode=0o755)
        self._staging = asyncio.Lock()
        self._stage = Stage(root / "tmp")

    @property
    def root(self) -> Path:
        """The directory of its own; below it, others may keep what workers are to be shown."""
        return self._root

    @property
    def isolation(self) -> str:
        """`namespaces`, `userns` or `none`. The first look may block for some 30 ms."""
        if self._mode is None:
            self._mode = launch.probe(self._wanted, self._root / "root")
        return self._mode

    async def invoke(
        self,
        spec: FunctionSpec,
        payload: bytes,
        *,
        request_id: str,
        credentials: Callable[[], dict[str, str]],
        client_context: str | None = None,
        identity: str | None = None,
        trace: str | None = None,
    ) -> Outcome:
        """Runs one invocation, in a warm worker or a new one, and gives its outcome, errors of the function included.

        `credentials` gives AWS_ACCESS_KEY_ID and its kin for a new worker. `client_context` and `identity` are JSON. A cancelled
        caller does not stop the function. Raises TooManyWorkers, RuntimeUnavailable and WorkerFailed.
        """
        function = (spec.account, spec.region, spec.name)
        active = self._active.get(function, 0)
        if spec.concurrency is not None and active >= spec.concurrency:
            raise TooManyWorkers(f"{spec.name} has reached its reserved concurrency", reserved=True)
        headers = event_headers(client_context, identity, trace)
        worker = self._warm(spec.key)
        done: asyncio.Future[Outcome]
        if worker is not None:
            started = time.perf_counter()
            done = self._run(worker, request_id, payload, headers, spec.timeout, None, started)
        else:
            done = asyncio.ensure_future(self._cold(spec, request_id, payload, headers, credentials))
            self._tasks.add(done)
        self._active[function] = active + 1
        done.add_done_callback(functools.partial(self._release, function))
        return await asyncio.shield(done)

    async def prepare(self, runtime: str) -> None:
        """Makes a runtime ready, so that its first cold start is as quick as the others. Raises RuntimeUnavailable, WorkerFailed."""
        await self._launcher(await self._runtime(runtime))

    async def discard(self, prefix: str, *, now: bool = False) -> None:
        """Ends the workers whose keys start with `prefix`: idle ones now, busy ones after their invocation.

        `now` ends busy ones as well, in the middle of it, and waits until all of them are gone.
        """
        ending = [worker for worker in self._workers.values() if worker.spec.key.startswith(prefix)]
        for worker in ending:
            worker.doomed = True
            if now or worker.state == "idle":
                self._end(worker)
        if now:
            await self._await_end({worker.number for worker in ending})

    async def close(self) -> None:
        """Ends every worker and zygote, and waits until they are gone."""
        self._closed = True
        for timer in (self._ticker, self._reaper):
            if timer is not None:
                timer.cancel()
        for worker in list(self._workers.values()):
            worker.kill()
        await self._await_end(set(self._workers))
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=_LAUNCH_SECONDS)
        tasks = list(self._launchers.values())
        self._launchers.clear()
        for done in await asyncio.gather(*tasks, return_exceptions=True):
            if not isinstance(done, BaseException):
                await done.close()
        for process in self._compiling:
            process.kill()
        await asyncio.gather(*self._compiled)
        limit = time.monotonic() + _LAUNCH_SECONDS
        while self._groups is not None and not self._groups.close() and time.monotonic() < limit:  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.005)
        self._stage.close()

    async def _await_end(self, numbers: set[int]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAUNCH_SECONDS):
                while numbers & self._workers.keys():
                    self._gone.clear()
                    await self._gone.wait()

    def _warm(self, key: str) -> Worker | None:
        """The worker that was used last, for the others to grow old."""
        idle = self._idle.get(key)
        while idle:
            worker = idle.pop()
            if worker.api.waiting is not None:
                return worker
            # It hung up a moment ago, and how it ended is not known yet.
            worker.kill()
        return None

    def _release(self, function: tuple[str, str, str], done: asyncio.Future[Outcome]) -> None:
        self._tasks.discard(done)
        left = self._active[function] - 1
        if left:
            self._active[function] = left
        else:
            del self._active[function]
        if not done.cancelled():
            done.exception()

    def _run(
        self,
        worker: Worker,
        request_id: str,
        payload: bytes,
        headers: str,
        timeout: float,
        init_ms: float | None,
        started: float,
    ) -> asyncio.Future[Outcome]:
        if self._ticker is None:
            self._ticker = asyncio.get_running_loop().call_later(_MEMORY_TICK, self._tick)
        return worker.invoke(request_id, payload, headers, timeout, init_ms, started)

    async def _cold(
        self,
        spec: FunctionSpec,
        request_id: str,
        payload: bytes,
        headers: str,
        credentials: Callable[[], dict[str, str]],
    ) -> Outcome:
        """An invocation in a new worker. As in Lambda, an init phase that failed is run once more inside the invocation."""
        runtime = await self._runtime(spec.runtime)
        worker = await self._prepare(spec, runtime)
        began = time.perf_counter()
        try:
            await self._start(worker, runtime, credentials, self._init_timeout)
        except InitFailed as failure:
            _report_init(worker, failure, began, "init")
        else:
            started = time.perf_counter()
            init_ms = (started - began) * 1000
            return await self._run(worker, request_id, payload, headers, spec.timeout, init_ms, started)
        worker = await self._prepare(spec, runtime)
        began = time.perf_counter()
        try:
            await self._start(worker, runtime, credentials, spec.timeout)
        except InitFailed as failure:
            _report_init(worker, failure, began, "invoke")
            return worker.fail_init(request_id, failure, began)
        left = max(spec.timeout - (time.perf_counter() - began), 0.001)
        return await self._run(worker, request_id, payload, headers, left, None, began)

    async def _prepare(self, spec: FunctionSpec, runtime: Runtime) -> Worker:
        """A place among the workers, before anything is started."""
        launcher = await self._launcher(runtime)
        if self._closed:
            raise TooManyWorkers("the server is stopping")
        if len(self._workers) >= self._max and not self._evict():
            raise TooManyWorkers(f"this machine runs at most {self._max} workers at a time")
        number = next(self._numbers)
        group = None
        if self._groups is None:
            self._groups = memory.Groups()
        if self._zygote:
            limit = (spec.memory_mb + memory.ROOM_MB + spec.tmp_mb) * memory.MB
            group = self._groups.make(f"w{number}", limit)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{spec.version}]{hexid()}"
        worker = Worker(number, spec, stream, self._sink, launcher, group)
        worker.on_idle, worker.on_dead, worker.on_finally = self._park, self._forget, self._collect
        self._workers[number] = worker
        return worker

    async def _start(
        self, worker: Worker, runtime: Runtime, credentials: Callable[[], dict[str, str]], limit: float
    ) -> None:
        """Starts the worker's process and waits for its runtime.

        Raises InitFailed, and WorkerFailed where it is not the function's fault.
        """
        try:
            shown = await self._show(worker, runtime)
            order = self._order(worker, shown, credentials())
            line = report.init_start(worker.spec.runtime, runtime.version_text, runtime.arn(worker.spec.region))
            await worker.start(order, limit, line)
        except BaseException as error:
            if not worker.launched:
                worker.abandon()
                self._collect(worker)
            if isinstance(error, OSError):
                raise WorkerFailed(f"a worker could not be started: {error}") from error
            raise

    async def _show(self, worker: Worker, runtime: Runtime) -> list[Path]:
        """Packages, code and layers, in places that the worker can reach."""
        paths = [self._packages[runtime.name], worker.spec.code, *worker.spec.layers]
        if worker.launcher.mode == "none" and limits.user(worker.spec.account) is not None:
            self._stage.check(runtime, launch.GUEST)
            async with self._staging:
                paths = [await asyncio.to_thread(self._stage.show, path) for path in paths]
        return paths

    def _order(self, worker: Worker, paths: list[Path], credentials: dict[str, str]) -> launch.Order:
        spec = worker.spec
        shown, code, *layers = paths
        uid = limits.user(spec.account)
        if worker.launcher.mode == "none":
            tmp = self._stage.scratch(worker.number, uid)
            opt = os.pathsep.join(str(layer) for layer in reversed(layers))
            places = environment.Places(str(code), opt, str(shown), str(tmp))
        else:
            places = environment.Places("/var/task", "/opt", "/var/runtime", None)
        env = environment.build(spec, places, self._endpoint(), credentials, worker.stream)
        groups = [worker.group.procs] if worker.group is not None else []
        return launch.Order(worker.number, env, code, tuple(layers), shown, spec.tmp_mb, uid, groups)

    async def _runtime(self, name: str) -> Runtime:
        runtime = await asyncio.to_thread(find_runtime, name) if name not in self._launchers else find_runtime(name)
        if isinstance(runtime, RuntimeMissing):
            raise RuntimeUnavailable(runtime.message)
        return runtime

    async def _launcher(self, runtime: Runtime) -> launch.ZygoteLauncher | launch.SpawnLauncher:
        """The runtime's launcher; the first to ask starts it, the others wait for it. A dead one is replaced."""
        task = self._launchers.get(runtime.name)
        if task is not None and task.done() and (task.cancelled() or task.exception() or task.result().dead):
            task = None
        if task is None:
            task = asyncio.get_running_loop().create_task(self._open(runtime))
            self._launchers[runtime.name] = task
        return await asyncio.shield(task)

    async def _open(self, runtime: Runtime) -> launch.ZygoteLauncher | launch.SpawnLauncher:
        shown = await asyncio.to_thread(packages.folder, self._root / "packages", runtime)
        self._packages[runtime.name] = shown
        compiling = packages.compile_in_background(shown, runtime)
        if compiling is not None:
            self._compiling.append(compiling)
            # A thread collects it as soon as it ends.
            self._compiled.append(asyncio.get_running_loop().run_in_executor(None, compiling.wait))
        if not self._zygote:
            _log.warning("functions run without isolation: as you, able to read your files")
            return launch.SpawnLauncher(runtime)
        needed = [*runtime.needed, *map(str, packages.sources())]
        launcher = launch.ZygoteLauncher(runtime, self._wanted, self._root / "root", needed)
        await launcher.ready()
        if launcher.mode == "none":
            _log.warning("functions run without isolation: as you, able to read your files (%s)", launcher.problem)
        self._mode = launcher.mode
        return launcher

    # The life of workers.

    def _park(self, worker: Worker) -> None:
        if worker.doomed or self._closed:
            self._end(worker)
            return
        worker.idle_since = time.monotonic()
        self._idle.setdefault(worker.spec.key, []).append(worker)
        if self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(self._idle_seconds / 4, self._reap)

    def _end(self, worker: Worker) -> None:
        worker.kill()
        self._forget(worker)

    def _forget(self, worker: Worker) -> None:
        idle = self._idle.get(worker.spec.key)
        if idle and worker in idle:
            idle.remove(worker)
        if idle == []:
            del self._idle[worker.spec.key]

    def _collect(self, worker: Worker) -> None:
        """The process is gone: so is its place, its control group and its directory."""
        self._forget(worker)
        self._workers.pop(worker.number, None)
        if worker.group is not None and not worker.group.remove():
            asyncio.get_running_loop().call_later(0.2, worker.group.remove)
        self._stage.clear(worker.number)
        self._gone.set()

    def _evict(self) -> bool:
        idle = [worker for workers in self._idle.values() for worker in workers]
        if not idle:
            return False
        self._end(min(idle, key=lambda worker: worker.idle_since))
        return True

    def _reap(self) -> None:
        self._reaper = None
        limit = time.monotonic() - self._idle_seconds
        for worker in [worker for workers in self._idle.values() for worker in workers]:
            if worker.idle_since <= limit:
                self._end(worker)
        if self._idle:
            self._reaper = asyncio.get_running_loop().call_later(self._idle_seconds / 4, self._reap)

    def _tick(self) -> None:
        """Looks at the memory of invocations that run for long enough to be worth a look."""
        self._ticker = None
        now = time.perf_counter()
        busy = False
        for worker in list(self._workers.values()):
            invocation = worker.invocation
            if invocation is not None:
                busy = True
                if now - invocation.started > _MEMORY_TICK / 2:
                    worker.check_memory()
        if busy:
            self._ticker = asyncio.get_running_loop().call_later(_MEMORY_TICK, self._tick)


def _report_init(worker: Worker, failure: InitFailed, began: float, phase: str) -> None:
    milliseconds = (time.perf_counter() - began) * 1000
    worker.say([report.init_report(milliseconds, phase, failure.status, failure.kind)])
