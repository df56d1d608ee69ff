"""One client's connection: a request at a time, in order, answered in the callback that read it wherever that is possible."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import cast

from cumulet.base.messages import Body, BodyBroken, BytesBody, Request, Response

from . import http1
from .stream import Incoming
from .writer import Owner, Writer

log = logging.getLogger("cumulet.gateway")

_BURST = 16  # Pipelined requests answered before other connections get their turn.
_GONE = 2.0  # Seconds without a write after which a client that has shut its sending side is taken to be gone.
_PLAIN = [("Content-Type", "text/plain")]
_FAILED = b"Internal Server Error\n"
_BROKEN = b"The request body is incomplete or malformed\n"


class Connection(Writer, asyncio.Protocol):
    """The life of a connection.

    Bytes go to `sink` where one is set (a body being collected or streamed, a rest being read away), else to `data`, from which `serve`
    takes whole heads. While `busy`, one request is being answered and `data` only grows, up to a bound.
    A handler whose client leaves before the response begins runs to its end, as AWS's operations do.
    """

    def __init__(self, owner: Owner, sock: socket.socket, peer: str, *, secure: bool) -> None:
        super().__init__(owner, sock)
        self.peer = peer
        self.secure = secure
        self.data = b""
        self.pos = 0
        self.sink: Callable[[bytes], None] | None = None
        self.busy = False
        self._eof = False
        self._lingering = False
        self._draining = False
        self._streaming = False
        self._stopped = False
        self._incoming: Incoming | None = None
        self._parts: list[bytes] = []
        self._missing = 0
        self._unread = 0
        self._task: asyncio.Task[None] | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass.
        self.transport.set_write_buffer_limits(self.limits.write_high, self.limits.write_low)
        self.owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self.sink is not None:
            self.sink(data)
            return
        if self.data:
            data = self.data[self.pos :] + data
        elif not self.busy:
            self.since = self.owner.clock
        self.data = data
        self.pos = 0
        if not self.busy and not self.paused:
            self.serve()
        elif len(data) > self.limits.pipelined:
            self.pause_body()

    def eof_received(self) -> bool:
        self._eof = True
        if self.secure or self._lingering or self._draining or self._missing:
            return False
        if self._incoming is not None:
            self._incoming.fail("the client stopped sending")
        if not self.busy:
            if not self.data:
                return False
            self.owner.loop.call_soon(self.serve)
        return True

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.busy and self.sink is None:
            self.resume_body()
            self.serve()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.sink = _nowhere
        self.data = b""
        self._parts = []
        if self._incoming is not None:
            self._incoming.fail("the client went away")
            self._incoming = None
        if self._streaming and self._task is not None:
            self._task.cancel()
        self.owner.closed(self)

    # Requests.

    def serve(self) -> None:
        """Answer the whole requests in `data`, as far as they can be answered now."""
        for _ in range(_BURST):
            if self.busy or self.paused or self.sink is not None:
                return
            data, pos = self.data, self.pos
            end = data.find(b"\r\n\r\n", pos) + 4
            if end == 3:
                self._wait()
                return
            if data.startswith(b"\r\n", pos):
                self.pos += 2
                continue
            try:
                head = http1.read_head(data[pos:end], self.limits)
            except http1.Refused as refused:
                self._refuse(refused.status, refused.text)
                return
            length = head.length
            if length is None or length > self.limits.inline or head.expect:
                self._stream(head, data[end:])
                continue
            stop = end + length
            if stop == len(data):
                self.data = b""
                self.pos = 0
                self._handle(head, BytesBody(data[end:]))
                if not self._eof:
                    return
            elif stop < len(data):
                self.pos = stop
                self._handle(head, BytesBody(data[end:stop]))
            else:
                self._collect_later(head, data[end:], length)
                return
        self.owner.loop.call_soon(self.serve)

    def _wait(self) -> None:
        """No whole head is here."""
        pos = self.pos
        while self.data.startswith(b"\r\n", pos):
            pos += 2
        data = self.data[pos:]
        if len(data) > self.limits.head:
            refused = http1.too_long(data, self.limits)
            self._refuse(refused.status, refused.text)
            return
        self.data = data
        self.pos = 0
        if self._eof and not self.lost:
            self.transport.close()

    def _stream(self, head: http1.Head, data: bytes) -> None:
        """Call the handler with a body that is still arriving."""
        limits = self.limits
        body = Incoming(self, head.length, expect=head.expect, high=limits.high, low=limits.low)
        self._incoming = body
        self.sink = self._feed
        self.data = b""
        self.pos = 0
        if data:
            self._feed(data)
        if self._eof:
            body.fail("the client stopped sending")
        self._handle(head, body)

    def _feed(self, data: bytes) -> None:
        incoming = self._incoming
        assert incoming is not None
        self.since = self.owner.clock
        rest = incoming.feed(data)
        if incoming.complete:
            self.sink = None
            self.data = rest
            self.pos = 0
            if self._draining:
                self._finish()
                self.serve()
        elif incoming.broken:
            self.sink = _nowhere
            if self._draining:
                self._linger()

    def _collect_later(self, head: http1.Head, data: bytes, length: int) -> None:
        """Wait for the rest of a small body."""
        if self._eof:
            self.end()
            return
        self.head = head
        self._parts = [data]
        self._missing = length - len(data)
        self.sink = self._collect
        self.data = b""
        self.pos = 0
        self.since = self.owner.clock

    def _collect(self, data: bytes) -> None:
        self.since = self.owner.clock
        missing = self._missing
        if len(data) < missing:
            self._parts.append(data)
            self._missing = missing - len(data)
            return
        self._parts.append(data[:missing])
        body = b"".join(self._parts)
        self._parts = []
        self._missing = 0
        self.sink = None
        self.data = data[missing:]
        self._handle(self.head, BytesBody(body))
        self.serve()

    def _handle(self, head: http1.Head, body: Body) -> None:
        self.busy = True
        self.head = head
        request = Request(head.method, head.target, head.headers, body, secure=self.secure, peer=self.peer)
        answer: Response | Awaitable[Response]
        try:
            answer = self.owner.handler(request)
        except Exception as error:
            answer = self._failed(error)
        if type(answer) is Response:
            content = answer.body
            if type(content) is BytesBody:
                content = content.data
            if type(content) is bytes:
                self._reply(answer, content)
                return
        self._task = self.owner.spawn(self._answer(answer))

    # Answers.

    def _failed(self, error: Exception) -> Response:
        log.error("%s %s failed", self.head.method, self.head.target[:200], exc_info=error)
        return Response(500, _PLAIN, _FAILED)

    async def _answer(self, answer: Response | Awaitable[Response]) -> None:
        """Wait for a response and send it, as a task."""
        try:
            response = await self._response(answer)
            body = response.body
            if isinstance(body, BytesBody):
                body = body.data
            if isinstance(body, bytes):
                self._reply(response, body)
            else:
                await self._reply_stream(response, body)
        except asyncio.CancelledError:
            # Else connection, task and the error's frames would hold each other, and with them the response's files.
            self._task = None
            self.abort()
            raise
        except Exception as error:
            self._failed(error)
            self.abort()
        self._task = None
        self.serve()

    async def _response(self, answer: Response | Awaitable[Response]) -> Response:
        try:
            return answer if isinstance(answer, Response) else await answer
        except BodyBroken:
            self.closing = True
            return Response(400, _PLAIN, _BROKEN)
        except Exception as error:
            return self._failed(error)

    def _reply(self, response: Response, body: bytes) -> None:
        if self.lost:
            return
        if self._incoming is not None and not self._can_drain(self._incoming):
            self.closing = True
        self.write_whole(response, body)
        self._finish()

    async def _reply_stream(self, response: Response, body: Body) -> None:
        self._streaming = True
        try:
            await self.write_stream(response, body)
        except Exception as error:
            if self.lost:
                return
            failure = self._failed(error)
            if self.begun:
                self.abort()
            else:
                self._reply(failure, _FAILED)
            return
        finally:
            self._streaming = False
        self._finish()

    def _finish(self) -> None:
        """The response is written: go on with the connection, or end it."""
        if self.lost:
            return
        self.since = self.owner.clock
        if self._incoming is not None and not self._end_body(self._incoming):
            return
        self.busy = False
        if self.closing or self.head.close or self.owner.closing:
            if self.data:
                self._linger()
            else:
                self.end()
        elif self._stopped:
            self.resume_body()

    def _end_body(self, incoming: Incoming) -> bool:
        """Whether the request's body is out of the way. Else its rest is read away, or the connection is on its way out."""
        incoming.discard()
        if incoming.complete:
            self._draining = False
            self._incoming = None
            return True
        if not self._can_drain(incoming):
            self._linger()
        self._draining = not self._lingering
        return False

    def _can_drain(self, incoming: Incoming) -> bool:
        """Whether what is left of a request's body is worth reading away to keep the connection."""
        if incoming.complete:
            return True
        left = incoming.left
        return left is not None and left <= self.limits.drain and not incoming.unanswered and not incoming.broken

    # Ends.

    def _refuse(self, status: int, text: str) -> None:
        """Answer what is not a request, and end the connection."""
        self.head = http1.Head()
        self.closing = True
        self.write_whole(Response(status, _PLAIN), f"{text}\n".encode())
        self._linger()

    def _linger(self) -> None:
        """Send all, then read away what the client is still sending: a reset would take the response from it."""
        self.busy = False
        self.data = b""
        self._parts = []
        self._missing = 0
        if self._eof or self.secure or not self.transport.can_write_eof():
            self.end()
            return
        self._lingering = True
        self.sink = self._away
        self.since = self.owner.clock
        self._unread = self.limits.linger
        self.transport.write_eof()
        self.resume_body()

    def _away(self, data: bytes) -> None:
        self.since = self.owner.clock
        self._unread -= len(data)
        if self._unread < 0:
            self.transport.abort()

    @property
    def idle(self) -> bool:
        """Whether no request is in progress (a half-sent head is none)."""
        return not self.busy and self.sink is None and not self.lost

    def end(self) -> None:
        """Close the connection once what was written is sent."""
        self.sink = _nowhere
        self.transport.close()

    # Reading on and off, for the body and for pipelining.

    def pause_body(self) -> None:
        """Stop reading from the socket."""
        if not self._stopped and not self.transport.is_closing():
            self._stopped = True
            self.transport.pause_reading()

    def resume_body(self) -> None:
        """Read from the socket again."""
        if self._stopped and not self.transport.is_closing():
            self._stopped = False
            self.transport.resume_reading()

    def want_body(self, *, first: bool) -> None:
        """A reader begins to wait for the body; `first`: the client waits for a word from us."""
        self.since = self.owner.clock
        if first and not self.lost:
            self.transport.write(http1.CONTINUE)

    # Time.

    def check(self, now: float) -> None:
        """Called by the server's sweeper: end what takes too long."""
        if not self.check_writing(now) or self.transport.is_closing():
            return
        limits = self.limits
        silent = now - self.since
        if self._lingering:
            if silent > limits.linger_time:
                self.transport.abort()
        elif self._missing:
            if silent > limits.body_time:
                self._refuse(408, "the body did not arrive in time")
        elif self._incoming is not None and self._incoming.starving:
            if silent > limits.body_time:
                self._incoming.fail("the body did not arrive in time")
                if self._draining:
                    self._linger()
        elif self.busy:
            if self._eof and self._streaming and not self.paused and silent > _GONE:
                self.abort()
        elif self.data:
            if silent > limits.head_time and not self.paused:
                self._refuse(408, "the request did not arrive in time")
        elif silent > limits.idle_time:
            self.end()


def _nowhere(data: bytes) -> None:
    """Where bytes go that nobody will answer."""
