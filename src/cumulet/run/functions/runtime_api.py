"""The Lambda Runtime API, served to one worker.

Every worker has an API of its own, on a socket that no other worker holds, so none can answer for another. Source: AWS Lambda
Developer Guide, 'Using the Lambda runtime API for custom runtimes'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

RESPONSE_LIMIT = 6291556
"""Bytes of a response: 6 MB and a little room, as in AWS's error message."""
_HEAD_LIMIT = 65536
_PREFIX = "/2018-06-01/runtime/"
_ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


class Events(Protocol):
    """What a worker says through its Runtime API. Bodies are as sent; header names are lower-case."""

    def on_next(self, headers: Mapping[str, str]) -> None: ...

    def on_response(self, body: bytes, headers: Mapping[str, str]) -> None: ...

    def on_error(self, body: bytes, headers: Mapping[str, str]) -> None: ...

    def on_too_large(self, headers: Mapping[str, str]) -> None: ...

    def on_init_error(self, body: bytes, headers: Mapping[str, str]) -> None: ...

    def on_hang_up(self) -> None: ...


def _reply(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _number(text: str, base: int) -> int:
    """Digits alone, where `int` would take signs and underscores too."""
    if not text.isascii() or not text.isalnum():
        raise ValueError(text)
    return int(text, base)


def event_headers(client_context: str | None, identity: str | None, trace: str | None) -> str:
    """The lines that tell a runtime about an event, where there is something to tell."""
    lines = ""
    if client_context:
        lines += f"Lambda-Runtime-Client-Context: {_one_line(client_context)}\r\n"
    if identity:
        lines += f"Lambda-Runtime-Cognito-Identity: {_one_line(identity)}\r\n"
    if trace:
        lines += f"Lambda-Runtime-Trace-Id: {_one_line(trace)}\r\n"
    return lines


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


class RuntimeApi:
    """The API of one worker, over as many connections as its runtime cares to open."""

    def __init__(self, events: Events) -> None:
        self.events = events
        self.current: str | None = None
        self.waiting: _Connection | None = None
        self.connections: set[_Connection] = set()
        self.server: asyncio.Server | None = None

    def connection(self) -> asyncio.Protocol:
        """A protocol for one more connection."""
        return _Connection(self)

    async def listen(self) -> str:
        """Listens on a free port of the loopback and gives the value of `AWS_LAMBDA_RUNTIME_API`."""
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(self.connection, "127.0.0.1", 0)
        return f"127.0.0.1:{self.server.sockets[0].getsockname()[1]}"

    def deliver(self, request_id: str, headers: str, payload: bytes) -> None:
        """Hands an event to the worker, which must be waiting. `headers` are whole lines, each with its CRLF."""
        connection = self.waiting
        assert connection is not None
        self.waiting = None
        self.current = request_id
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: {request_id}\r\n"
            f"{headers}Content-Length: {len(payload)}\r\n\r\n"
        )
        connection.flush(head.encode("utf-8") + payload)

    def close(self) -> None:
        """Ends the listener and every connection."""
        if self.server is not None:
            self.server.close()
        for connection in list(self.connections):
            connection.transport.abort()

    def handle(self, connection: _Connection, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """Answers one request; an empty answer means: later."""
        what = path[len(_PREFIX) :] if path.startswith(_PREFIX) else ""
        if what == "invocation/next" and method == "GET":
            self.waiting = connection
            self.current = None
            self.events.on_next(headers)
            return b""
        if method == "POST":
            if what == "init/error":
                self.events.on_init_error(body, headers)
                return _ACCEPTED
            parts = what.split("/")
            if len(parts) == 3 and parts[0] == "invocation" and parts[2] in ("response", "error"):
                return self._result(parts[1], parts[2], headers, body)
        return _reply("404 Not Found", b'{"errorMessage":"Not found","errorType":"NotFound"}')

    def too_large(self, headers: Mapping[str, str]) -> bytes:
        """Refuses a body whose bytes have been thrown away."""
        if self.current is not None:
            self.current = None
            self.events.on_too_large(headers)
        text = f'{{"errorMessage":"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",'
        return _reply("413 Payload Too Large", (text + '"errorType":"RequestEntityTooLarge"}').encode())

    def _result(self, request_id: str, kind: str, headers: Mapping[str, str], body: bytes) -> bytes:
        if request_id != self.current:
            return _reply("400 Bad Request", b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
        self.current = None
        if kind == "response":
            self.events.on_response(body, headers)
        else:
            self.events.on_error(body, headers)
        return _ACCEPTED


class _Connection(asyncio.Protocol):
    """HTTP/1.1 as runtimes speak it: keep-alive, pipelined or not, bodies with a length or in chunks."""

    transport: asyncio.Transport

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        self.buffer = bytearray()
        self.held = b""
        self.head: tuple[str, str, dict[str, str]] | None = None
        self.need = 0
        self.size = 0
        self.chunks: list[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self.transport = cast("asyncio.Transport", transport)
        self.api.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.api.connections.discard(self)
        if self.api.waiting is self:
            self.api.waiting = None
        if not self.api.connections and self.api.server is None:
            self.api.events.on_hang_up()

    def flush(self, data: bytes) -> None:
        self.transport.write(self.held + data if self.held else data)
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        try:
            while self._step():
                pass
        except ValueError:
            self.transport.abort()
            return
        # The answer to a request that another one follows waits for it: one write, one wake-up of the worker. While the
        # worker is parked in `next` the answer is kept, since it will read it together with the next event.
        if self.held and self.api.waiting is not self:
            self.flush(b"")

    def _step(self) -> bool:
        if self.head is None and not self._read_head():
            return False
        assert self.head is not None
        method, path, headers = self.head
        if self.chunks is not None:
            body = self._read_chunks()
            if body is None:
                return False
        else:
            have = len(self.buffer)
            if self.size > RESPONSE_LIMIT:
                taken = min(have, self.need)
                del self.buffer[:taken]
                self.need -= taken
                have = 0
            if have < self.need:
                return False
            body = bytes(self.buffer[: self.need])
            del self.buffer[: self.need]
        self.head = None
        if self.size > RESPONSE_LIMIT:
            self.held += self.api.too_large(headers)
        else:
            self.held += self.api.handle(self, method, path, headers, body)
        return True

    def _read_head(self) -> bool:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > _HEAD_LIMIT:
                raise ValueError("head too long")
            return False
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        method, path, _ = lines[0].split(" ")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self.head = (method, path, headers)
        self.chunks = [] if headers.get("transfer-encoding", "").lower() == "chunked" else None
        self.size = self.need = _number(headers.get("content-length", "0"), 10) if self.chunks is None else 0
        if headers.get("expect", "").lower() == "100-continue":
            self.flush(b"HTTP/1.1 100 Continue\r\n\r\n")
        return True

    def _read_chunks(self) -> bytes | None:
        """The whole chunked body, or None while it is still arriving. Chunks beyond the limit are counted and dropped."""
        assert self.chunks is not None
        while (end := self.buffer.find(b"\r\n")) >= 0:
            length = _number(self.buffer[:end].partition(b";")[0].decode("latin-1").strip(), 16)
            stop = end + 2 + length
            if length == 0:
                last = self.buffer.find(b"\r\n\r\n", end)
                if last < 0:
                    return None
                del self.buffer[: last + 4]
                return b"".join(self.chunks)
            if length > RESPONSE_LIMIT * 4:
                raise ValueError("chunk too long")
            if len(self.buffer) < stop + 2:
                return None
            self.size += length
            if self.size <= RESPONSE_LIMIT:
                self.chunks.append(bytes(self.buffer[end + 2 : stop]))
            del self.buffer[: stop + 2]
        return None
