"""One worker: a process, its Runtime API, its log, and at most one invocation at a time.

States: `starting` until the runtime asks for its first event, then `idle` and `busy` in turn, `dead` from the moment it is to end.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping

from . import memory, report
from .launch import Launcher, Order
from .logs import LogPipe
from .runtime_api import RuntimeApi
from .spec import FunctionSpec, LogSink, Outcome

TAIL = 4096
_SETTLE_SECONDS = 0.1
"""How long the last words of an ended process may take, where something that it started still holds its socket."""


class InitFailed(Exception):
    """The init phase did not end in a runtime that asks for events."""

    def __init__(self, status: str, kind: str, payload: bytes | None, exit_status: int = 0) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.payload = payload
        self.exit_status = exit_status


class Tail:
    """The last 4 KB of what was logged."""

    def __init__(self) -> None:
        self.parts: deque[str] = deque()
        self.size = 0

    def add(self, texts: list[str]) -> None:
        self.parts.extend(texts)
        self.size += sum(map(len, texts))
        while self.size - len(self.parts[0]) >= TAIL:
            self.size -= len(self.parts.popleft())

    def data(self) -> bytes:
        return "".join(self.parts).encode("utf-8", "replace")[-TAIL:]


class Invocation:
    """A request in a worker's hands."""

    __slots__ = ("done", "init_ms", "request_id", "started", "tail", "timeout", "timer")

    def __init__(self, request_id: str, timeout: float, init_ms: float | None, started: float) -> None:
        self.request_id = request_id
        self.timeout = timeout
        self.init_ms = init_ms
        self.started = started
        self.tail = Tail()
        self.timer: asyncio.TimerHandle | None = None
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()


class Worker:
    """Implements `runtime_api.Events` and `launch.Watcher`: what the process says and what becomes of it."""

    def __init__(
        self,
        number: int,
        spec: FunctionSpec,
        stream: str,
        sink: LogSink,
        launcher: Launcher,
        group: memory.Group | None,
    ) -> None:
        self.number = number
        self.spec = spec
        self.stream = stream
        self.state = "starting"
        self.doomed = False
        self.launched = False
        self.idle_since = 0.0
        self.pid = 0
        self.peak_kb = 0
        self.on_idle: Callable[[Worker], None] = _nothing
        self.on_dead: Callable[[Worker], None] = _nothing
        self.on_finally: Callable[[Worker], None] = _nothing
        self.invocation: Invocation | None = None
        self.group = group
        self.api = RuntimeApi(self)
        self._sink = sink
        self.launcher = launcher
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._early: Tail | None = Tail()
        self._exit: tuple[int, str] | None = None
        self._hung_up = False
        self._settling: asyncio.TimerHandle | None = None
        read, self._write = os.pipe()
        self._log = LogPipe(read, self._emit)

    async def start(self, order: Order, limit: float, first_line: str) -> None:
        """Starts the process and waits at most `limit` seconds for its init phase. Raises InitFailed."""
        self.say([first_line])
        await self.launcher.launch(order, self._write, self.api, self)
        self.launched = True
        self._shut_write_end()
        try:
            async with asyncio.timeout(limit):
                await self._ready
        except TimeoutError:
            self.kill()
            raise InitFailed("timeout", "", None) from None
        except asyncio.CancelledError:
            self.kill()
            raise

    def invoke(
        self, request_id: str, payload: bytes, headers: str, timeout: float, init_ms: float | None, started: float
    ) -> asyncio.Future[Outcome]:
        """Hands the event to the idle worker. `started` is the invocation's begin on `time.perf_counter`."""
        self.state = "busy"
        invocation = self.invocation = Invocation(request_id, timeout, init_ms, started)
        self._log.flush()
        if self._early is not None:
            self._early = None
        self.say([report.start(request_id, self.spec.version)])
        deadline = int((time.time() + timeout) * 1000)
        lines = f"Lambda-Runtime-Deadline-Ms: {deadline}\r\nLambda-Runtime-Invoked-Function-Arn: {self.spec.arn}\r\n"
        invocation.timer = self._loop.call_later(timeout, self._time_out)
        self.api.deliver(request_id, lines + headers, payload)
        return invocation.done

    def fail_init(self, request_id: str, failure: InitFailed, started: float) -> Outcome:
        """Ends an invocation whose worker never came up: the platform's lines and the error as the payload."""
        tail = self._early or Tail()
        self._log.flush()
        timeout = self.spec.timeout
        lines = [report.start(request_id, self.spec.version)]
        status = ""
        if failure.payload is not None:
            payload = failure.payload
        elif failure.status == "timeout":
            payload, line = report.timed_out(request_id, timeout)
            lines.append(line)
            status = "timeout"
        else:
            payload, line, kind = report.exited(request_id, failure.exit_status, out_of_memory=self._out_of_memory())
            lines.append(line)
            status = f"error\tError Type: {kind}"
        duration = (time.perf_counter() - started) * 1000
        if status == "timeout":
            duration = timeout * 1000
        used = self._memory_mb()
        lines += [report.end(request_id), report.report(self.spec, request_id, duration, used, None, status)]
        self.say(lines)
        if tail is not self._early:
            tail.add(lines)
        return Outcome(payload, "Unhandled", tail.data(), duration, report.billed(duration, None), used, None)

    def say(self, texts: list[str]) -> None:
        """Logs the platform's own lines."""
        self._emit(texts)

    def abandon(self) -> None:
        """Frees what a worker holds whose process was never started."""
        self.state = "dead"
        self._close()

    def kill(self) -> None:
        """Ends the process and what it started; `on_dead` and `on_finally` follow when it is so."""
        if self.state != "dead":
            self.state = "dead"
            self.launcher.kill(self.number)

    def check_memory(self) -> None:
        """Looks at a running invocation's memory and ends it where it is beyond its limit."""
        if self.state != "busy":
            return
        limit = self.spec.memory_mb * memory.MB
        if self.group is not None:
            used = self.group.anonymous()
        else:
            used = memory.resident(self.pid)
            limit += memory.ROOM_MB * memory.MB
        self.peak_kb = max(self.peak_kb, used // 1024)
        if used > limit:
            self._end_out_of_memory()

    # What the runtime says.

    def on_next(self, headers: Mapping[str, str]) -> None:
        if self.state == "starting":
            self._note_peak(headers)
            if not self._ready.done():
                self._ready.set_result(None)
            self.state = "idle"
        elif self.state == "busy":
            if self.invocation is not None:
                return
            self.state = "idle"
            self.on_idle(self)

    def on_response(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._answer(body, None, "", headers)

    def on_error(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._answer(body, "Unhandled", "", headers)

    def on_too_large(self, headers: Mapping[str, str]) -> None:
        payload, kind = report.too_large()
        self._answer(payload, "Unhandled", f"error\tError Type: {kind}", headers)

    def on_init_error(self, body: bytes, headers: Mapping[str, str]) -> None:
        if self.state == "starting" and not self._ready.done():
            self._note_peak(headers)
            kind = headers.get("lambda-runtime-function-error-type", "Runtime.Unknown")
            self._log.flush()
            self._ready.set_exception(InitFailed("error", kind, body))
            self.kill()

    def on_hang_up(self) -> None:
        self._hung_up = True
        if self.invocation is None:
            self.on_dead(self)
        if self._exit is not None:
            self._ended()
        else:
            # As a rule it is about to say how it ended. A runtime that lives on without its API is of no use.
            self._settling = self._loop.call_later(_SETTLE_SECONDS, self.launcher.kill, self.number)

    # What becomes of the process.

    def on_started(self, pid: int) -> None:
        self.pid = pid

    def on_exit(self, status: int, peak_kb: int, problem: str) -> None:
        if self._exit is not None:
            return
        self._exit = (status, problem)
        if self._settling is not None:
            self._settling.cancel()
        self.peak_kb = max(self.peak_kb, peak_kb)
        if self._hung_up or self.api.server is not None or not self.api.connections:
            self._ended()
        else:
            self._settling = self._loop.call_later(_SETTLE_SECONDS, self._ended)

    def on_gone(self) -> None:
        self._ended()
        self._close()
        self.on_finally(self)

    def _ended(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        status, problem = self._exit or (0, "")
        self._log.flush()
        if problem:
            self.say([f"cannot start a worker: {problem}\n"])
        if not self._ready.done():
            self._ready.set_exception(InitFailed("error", "Runtime.ExitError", None, status))
            self._ready.exception()
        self.state = "dead"
        invocation = self.invocation
        if invocation is not None:
            payload, line, kind = report.exited(
                invocation.request_id, status, out_of_memory=status == -9 and self._out_of_memory()
            )
            self._finish(invocation, payload, "Unhandled", line, f"error\tError Type: {kind}")
        self.on_dead(self)

    def _answer(self, body: bytes, error: str | None, status: str, headers: Mapping[str, str]) -> None:
        invocation = self.invocation
        if invocation is None:
            return
        self._note_peak(headers)
        if self.peak_kb > (self.spec.memory_mb + memory.ROOM_MB) * 1024:
            self._end_out_of_memory()
        else:
            self._finish(invocation, body, error, "", status)

    def _note_peak(self, headers: Mapping[str, str]) -> None:
        peak = headers.get("cumulet-peak-memory-kb", "")
        if peak.isdecimal() and len(peak) < 12:
            self.peak_kb = max(self.peak_kb, int(peak))

    def _time_out(self) -> None:
        invocation = self.invocation
        if invocation is not None:
            self.kill()
            payload, line = report.timed_out(invocation.request_id, self.spec.timeout)
            self._finish(invocation, payload, "Unhandled", line, "timeout")
            self.on_dead(self)

    def _end_out_of_memory(self) -> None:
        invocation = self.invocation
        if invocation is not None:
            self.kill()
            self.peak_kb = max(self.peak_kb, self.spec.memory_mb * 1024)
            payload, line, kind = report.exited(invocation.request_id, -9, out_of_memory=True)
            self._finish(invocation, payload, "Unhandled", line, f"error\tError Type: {kind}")
            self.on_dead(self)

    def _finish(self, invocation: Invocation, payload: bytes, error: str | None, line: str, status: str) -> None:
        ended = time.perf_counter()
        self.invocation = None
        if invocation.timer is not None:
            invocation.timer.cancel()
        duration = (ended - invocation.started) * 1000
        if status == "timeout":
            duration = self.spec.timeout * 1000
        used = self._memory_mb()
        request_id, init_ms = invocation.request_id, invocation.init_ms
        self.invocation = invocation
        self._log.flush()
        lines = [line] if line else []
        lines += [
            report.end(request_id),
            report.report(self.spec, request_id, duration, used, init_ms, status),
        ]
        self.say(lines)
        self.invocation = None
        if not invocation.done.done():
            tail = invocation.tail.data()
            billed = report.billed(duration, init_ms)
            invocation.done.set_result(Outcome(payload, error, tail, duration, billed, used, init_ms))

    def _memory_mb(self) -> int:
        return min(max(math.ceil(self.peak_kb / 1024), 1), self.spec.memory_mb)

    def _out_of_memory(self) -> bool:
        return self.group is not None and self.group.killed()

    def _emit(self, texts: list[str]) -> None:
        now = int(time.time() * 1000)
        if self.invocation is not None:
            self.invocation.tail.add(texts)
        elif self._early is not None:
            self._early.add(texts)
        self._sink(self.spec, self.stream, [(now, text) for text in texts])

    def _shut_write_end(self) -> None:
        if self._write >= 0:
            os.close(self._write)
            self._write = -1

    def _close(self) -> None:
        self._shut_write_end()
        self._log.close()
        self.api.close()


def _nothing(worker: Worker) -> None:
    pass
