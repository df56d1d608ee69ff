"""The Python runtime of a function: a client of the Lambda Runtime API that loads the handler and feeds it events.

It talks HTTP over one raw socket, because `http.client` costs more than a warm invocation. It is started in two ways: the
zygote forks and calls `run`, or an interpreter executes this file (macOS, or where no zygote is wanted). Source: AWS Lambda Developer
Guide, 'Using the Lambda runtime API for custom runtimes' and 'Define Lambda function handler in Python'.
"""

from __future__ import annotations

import decimal
import importlib
import io
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

API = "/2018-06-01/runtime"
RECORD = "\x00R"
"""Opens a log record whose line breaks are written as `NEWLINE`, so that it stays one event. See `logs.py` in the server."""
NEWLINE = "\x00n"
NO_BREAK_SPACE = "\u00a0"
_RSS_UNIT = 1024 if sys.platform == "darwin" else 1


class Fault(Exception):
    """An error that the runtime itself reports, under a name of its own (`Runtime.ImportModuleError`)."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace or []


class CognitoIdentity:
    """Who called through a Cognito identity pool; both members are None for every other caller."""

    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, data: dict[str, Any]) -> None:
        self.cognito_identity_id = data.get("cognitoIdentityId")
        self.cognito_identity_pool_id = data.get("cognitoIdentityPoolId")


class Client:
    """The mobile application of a client context."""

    __slots__ = ("app_package_name", "app_title", "app_version_code", "app_version_name", "installation_id")

    def __init__(self, data: dict[str, Any]) -> None:
        for name in self.__slots__:
            setattr(self, name, data.get(name))


class ClientContext:
    """What the caller sent as `ClientContext`."""

    __slots__ = ("client", "custom", "env")

    def __init__(self, data: dict[str, Any]) -> None:
        self.custom = data.get("custom")
        self.env = data.get("env")
        client = data.get("client")
        self.client = None if client is None else Client(client)


class LambdaContext:
    """The handler's second argument. See 'Using the Lambda context object to retrieve Python function information'."""

    def __init__(self, headers: dict[str, str]) -> None:
        env = os.environ.get
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME")
        context = _json_header(headers, "lambda-runtime-client-context", "Client Context")
        self.client_context = None if context is None else ClientContext(context)
        self.identity = CognitoIdentity(
            _json_header(headers, "lambda-runtime-cognito-identity", "Cognito Identity") or {}
        )
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline_ms = int(headers.get("lambda-runtime-deadline-ms", "0"))

    def get_remaining_time_in_millis(self) -> int:
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message: Any) -> None:
        sys.stdout.write(str(message))


def _json_header(headers: dict[str, str], name: str, title: str) -> dict[str, Any] | None:
    text = headers.get(name)
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse {title} JSON: {error}") from None
    return value if isinstance(value, dict) else {}


class Channel:
    """One keep-alive HTTP connection to the Runtime API. The server's death ends this process."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.buffer = b""

    def receive(self) -> tuple[int, dict[str, str], bytes]:
        """The next reply: status, headers with lower-case names, body."""
        buffer = self.buffer
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            buffer += self._more()
        lines = buffer[:end].decode("utf-8", "replace").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        start = end + 4
        stop = start + int(headers.get("content-length", "0"))
        if len(buffer) < stop:
            parts = [buffer]
            have = len(buffer)
            while have < stop:
                parts.append(self._more())
                have += len(parts[-1])
            buffer = b"".join(parts)
        self.buffer = buffer[stop:]
        return int(lines[0].split(" ", 2)[1]), headers, buffer[start:stop]

    def _more(self) -> bytes:
        try:
            chunk = self.connection.recv(262144)
        except OSError:
            chunk = b""
        if not chunk:
            _leave()
        return chunk

    def send(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError:
            _leave()


def _leave() -> NoReturn:
    """The server has gone, or wants no more of us: an end for what the function started, too."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _usage_peak() -> int:
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // _RSS_UNIT


class _Peak:
    """The kernel's figure of the peak. `inherited`: a program keeps in it the peak of the process that turned into it, here a copy
    of the server, where no zygote forks workers."""

    inherited = 0


def _peak_memory() -> str:
    peak = _usage_peak()
    if peak <= _Peak.inherited:
        peak = _own_peak(peak)
    return f"Cumulet-Peak-Memory-Kb: {peak}\r\n"


def _own_peak(otherwise: int) -> int:
    try:
        with open("/proc/self/status", "rb") as status:  # noqa: PTH123
            for line in status:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return otherwise


def _post(path: str, body: bytes, headers: str = "") -> bytes:
    head = (
        f"POST {API}/{path} HTTP/1.1\r\nHost: runtime\r\n{headers}{_peak_memory()}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


NEXT = f"GET {API}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n".encode()


class _Encoder(json.JSONEncoder):
    def default(self, value: Any) -> Any:
        if isinstance(value, decimal.Decimal):
            if value == value.to_integral_value() and value.is_finite() and value.as_tuple().exponent == 0:
                return int(value)
            return float(value)
        return super().default(value)


def _encoder() -> Callable[[Any], str]:
    # From the python3.12 runtime on, Lambda leaves non-ASCII characters as they are.
    return _Encoder(ensure_ascii=sys.version_info < (3, 12)).encode


def _write_record(text: str) -> None:
    data = (RECORD + text.replace("\n", NEWLINE) + "\n").encode("utf-8", "backslashreplace")
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    while data:
        try:
            data = data[os.write(2, data) :]
        except OSError:
            return


def _log_error(error: dict[str, Any]) -> None:
    first = f"[ERROR] {error['errorType']}"
    if error["errorMessage"]:
        first += f": {error['errorMessage']}"
    lines = [first, "Traceback (most recent call last):"]
    for element in error["stackTrace"]:
        for line in element.splitlines() or [""]:
            text = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(text)) + text)
    _write_record("\n".join(lines))


def _error(message: str, kind: str, trace: list[str], request_id: str = "") -> dict[str, Any]:
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def _describe(problem: BaseException, request_id: str = "") -> dict[str, Any]:
    if isinstance(problem, Fault):
        return _error(problem.message, problem.kind, problem.trace, request_id)
    frames = traceback.extract_tb(problem.__traceback__)
    while frames and frames[0].filename == __file__:
        del frames[0]
    return _error(str(problem), type(problem).__name__, traceback.format_list(frames), request_id)


class _Logging(logging.Handler):
    """The root logger's handler: one record, one log event."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self.request_id
        try:
            _write_record(self.format(record))
        except Exception:  # a broken log call must not break the function
            self.handleError(record)


def _start_logging() -> _Logging:
    handler = _Logging()
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "")
    root.setLevel(level if level in {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"} else logging.WARNING)
    return handler


def _open_streams() -> None:
    """Unbuffered text streams on descriptors 1 and 2: what a function printed before it was killed is not lost."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(fd, "w", closefd=False)
        stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _search_path() -> None:
    env = os.environ
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    first = [env["LAMBDA_TASK_ROOT"]]
    for layer in env.pop("_CUMULET_OPT", "/opt").split(os.pathsep):
        if layer:
            first += [f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]
    first += [entry for entry in env.get("PYTHONPATH", "").split(os.pathsep) if entry]
    first.append(env.get("LAMBDA_RUNTIME_DIR", ""))
    known = set(first)
    sys.path[:] = [*dict.fromkeys(filter(None, first)), *(entry for entry in sys.path if entry not in known)]
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()


def _load(name: str) -> Callable[[Any, LambdaContext], Any]:
    module_name, dot, function = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace) from None
    try:
        handler: Callable[[Any, LambdaContext], Any] = getattr(module, function)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'") from None
    return handler


def _answer(
    handler: Callable[[Any, LambdaContext], Any],
    encode: Callable[[Any], str],
    headers: dict[str, str],
    body: bytes,
) -> bytes:
    """Runs one invocation and gives the request that reports its result."""
    request_id = headers["lambda-runtime-aws-request-id"]
    try:
        context = LambdaContext(headers)
        try:
            event = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
        result = handler(event, context)
        if isinstance(result, bytes):
            return _post(f"invocation/{request_id}/response", result, "Content-Type: application/unknown\r\n")
        try:
            payload = encode(result).encode("utf-8", "surrogatepass")
        except Exception as error:  # any __str__ or key of a user's class may fail in its own way
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None
        return _post(f"invocation/{request_id}/response", payload)
    except Exception as problem:
        described = _describe(problem, request_id)
        _log_error(described)
        body = _Encoder().encode(described).encode()
        kind = "".join(c for c in described["errorType"] if 32 < ord(c) < 127)
        return _post(f"invocation/{request_id}/error", body, f"Lambda-Runtime-Function-Error-Type: {kind}\r\n")


def run(channel: Channel) -> NoReturn:
    """Loads the handler named by `_HANDLER` and serves invocations until the server hangs up."""
    _open_streams()
    _search_path()
    records = _start_logging()
    os.chdir(os.environ["LAMBDA_TASK_ROOT"])
    try:
        handler = _load(os.environ["_HANDLER"])
    except Exception as problem:
        described = _describe(problem)
        _log_error(described)
        kind = f"Lambda-Runtime-Function-Error-Type: {described['errorType']}\r\n"
        channel.send(_post("init/error", _Encoder().encode(described).encode(), kind))
        channel.receive()
        sys.exit(1)
    encode = _encoder()
    channel.send(NEXT[:-2] + _peak_memory().encode() + b"\r\n")
    while True:
        _, headers, body = channel.receive()
        records.request_id = headers["lambda-runtime-aws-request-id"]
        trace = headers.get("lambda-runtime-trace-id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        # The answer and the wish for the next event travel together: one wake-up of the server less.
        channel.send(_answer(handler, encode, headers, body) + NEXT)
        channel.receive()


def _end_with(fd: int) -> None:
    """Ends this process group when the server's end of the pipe `fd` closes, however the server died."""

    def watch() -> None:
        while os.read(fd, 1):
            pass
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="cumulet-life").start()


def main() -> NoReturn:
    """Entry where no zygote is used: finds the Runtime API by `AWS_LAMBDA_RUNTIME_API`, as every Lambda runtime does."""
    uid = os.environ.pop("_CUMULET_UID", "")
    if uid:
        os.setgroups([])
        os.setgid(int(uid))
        os.setuid(int(uid))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 1024 if hard == resource.RLIM_INFINITY else min(1024, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    life = os.environ.pop("_CUMULET_LIFE_FD", "")
    if life:
        os.set_inheritable(int(life), False)
        _end_with(int(life))
    _Peak.inherited = _usage_peak()
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    run(Channel(connection))


if __name__ == "__main__":
    main()
