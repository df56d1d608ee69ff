"""The platform's own words: log lines around an invocation, and the errors that the platform reports for a function.

Sources: AWS Lambda Developer Guide, 'Viewing CloudWatch logs for Lambda functions', 'Understanding the Lambda execution environment
lifecycle' and 'Troubleshoot execution issues in Lambda'.
"""

from __future__ import annotations

import json
import math
import signal
import time

from .runtime_api import RESPONSE_LIMIT
from .spec import FunctionSpec

# What Go's syscall package calls the signals: AWS prints those words.
_SIGNALS: dict[int, str] = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


def _payload(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


def timed_out(request_id: str, seconds: float) -> tuple[bytes, str]:
    """The payload and the log line of a function that ran out of time."""
    text = f"Task timed out after {seconds:.2f} seconds"
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    return _payload("Sandbox.Timedout", f"RequestId: {request_id} Error: {text}"), f"{stamp} {request_id} {text}\n\n"


def exited(request_id: str, status: int, *, out_of_memory: bool) -> tuple[bytes, str, str]:
    """The payload, the log line and the error type of a runtime that ended by itself; `status` is negative for signals."""
    if out_of_memory:
        reason = "Runtime exited with error: signal: killed"
    elif status < 0:
        reason = f"Runtime exited with error: signal: {_SIGNALS.get(-status, f'signal {-status}')}"
    elif status:
        reason = f"Runtime exited with error: exit status {status}"
    else:
        reason = "Runtime exited without providing a reason"
    kind = "Runtime.OutOfMemory" if out_of_memory else "Runtime.ExitError"
    text = f"RequestId: {request_id} Error: {reason}"
    return _payload(kind, text), f"{text}\nRuntime.ExitError\n", kind


def too_large() -> tuple[bytes, str]:
    """The payload and the error type of a response over 6 MB."""
    kind = "Function.ResponseSizeTooLarge"
    text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    return _payload(kind, text), kind


def init_start(runtime: str, version: str, runtime_arn: str) -> str:
    return f"INIT_START Runtime Version: {runtime.replace('python', 'python:')}.v{version}\tRuntime Version ARN: {runtime_arn}\n"


def init_report(milliseconds: float, phase: str, status: str, kind: str) -> str:
    error = f"\tError Type: {kind}" if kind else ""
    return f"INIT_REPORT Init Duration: {milliseconds:.2f} ms\tPhase: {phase}\tStatus: {status}{error}\n"


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def billed(duration_ms: float, init_ms: float | None) -> int:
    """Whole milliseconds; since August 2025 the init phase of a cold start is billed too."""
    return max(math.ceil(round(duration_ms + (init_ms or 0.0), 2)), 1)


def report(
    spec: FunctionSpec, request_id: str, duration_ms: float, memory_mb: int, init_ms: float | None, status: str
) -> str:
    """The REPORT line. `status` is empty, `timeout`, or `error` with its type after a tab."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed(duration_ms, init_ms)} ms",
        f"Memory Size: {spec.memory_mb} MB",
        f"Max Memory Used: {memory_mb} MB",
    ]
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    return "\t".join(parts) + "\t\n"
