"""The writing half of a connection: responses in one piece or as a stream, at the client's pace, never falsely complete."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeAlias

from cumulet.base.messages import Body, BodyBroken, Request, Response

from . import http1
from .limits import Limits

log = logging.getLogger("cumulet.gateway")

Handler: TypeAlias = Callable[[Request], Response | Awaitable[Response]]

_JOIN = 32 * 1024  # Below this, copying a body behind its head costs less than a second buffer.
_RESET = struct.pack("ii", 1, 0)


class Owner(Protocol):
    """What a connection knows of its server."""

    handler: Handler
    limits: Limits
    loop: asyncio.AbstractEventLoop
    clock: float
    closing: bool

    def opened(self, connection: Writer) -> None:
        """A connection is ready."""

    def closed(self, connection: Writer) -> None:
        """A connection is gone."""

    def spawn(self, answer: Awaitable[None]) -> asyncio.Task[None]:
        """Run an answer as a task that is waited for at the end."""


class Writer:
    """Writes the response to `head`. `closing` says that the connection ends with it."""

    transport: asyncio.Transport

    def __init__(self, owner: Owner, sock: socket.socket) -> None:
        self.owner = owner
        self.limits = owner.limits
        self.sock = sock
        self.head = http1.Head()
        self.closing = False
        self.lost = False
        self.begun = False
        self.paused = False
        self.since = owner.clock
        self._drained: asyncio.Future[None] | None = None
        self._unsent = 0
        self._unsent_since = 0.0

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._unsent = 0
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def write_whole(self, response: Response, body: bytes) -> None:
        """Write a response that is all here."""
        head = self.head
        if self._bodyless(response):
            self._write_bodyless(response, len(body))
            return
        if self.closing or head.close or head.old or self.owner.closing:
            framing = self._framing(len(body))
        else:
            framing = f"Content-Length: {len(body)}\r\n"
        data, close = http1.write_head(response.status, response.headers, framing)
        if close:
            self.closing = True
        if len(body) <= _JOIN:
            self.transport.write(data + body)
        else:
            self.transport.writelines((data, body))

    async def write_stream(self, response: Response, body: Body) -> None:
        """Write a response as its chunks come, and close their stream whatever happens.

        Raises where they break off or are not as long as was said; `begun` tells whether the head was sent.
        """
        self.begun = False
        chunks = aiter(body)
        try:
            if not self.lost:
                await self._pump(response, body.length, chunks)
        finally:
            await _close(chunks)

    async def _pump(self, response: Response, length: int | None, chunks: AsyncIterator[bytes]) -> None:
        if self._bodyless(response):
            self._write_bodyless(response, length)
            return
        if length is None:
            length = http1.own_length(response.headers)
        # A stream that fails at once can still be answered with an error; one of unknown length may keep its first chunk for long.
        first = b"" if length is None else await anext(chunks, b"")
        self._write_head(response, self._framing(length))
        if length is None and not self.head.old:
            await self._write_chunked(chunks)
            return
        sent = len(first)
        if first:
            await self._write(first)
        async for chunk in chunks:
            sent += len(chunk)
            if length is not None and sent > length:
                break
            await self._write(chunk)
        if length is not None and sent != length:
            raise BodyBroken(f"a response of {length} bytes has {'more' if sent > length else sent}")

    async def _write_chunked(self, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            if chunk:
                self.since = self.owner.clock
                self.transport.writelines((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
                if self.paused:
                    await self._drain()
        self.transport.write(b"0\r\n\r\n")

    async def _write(self, chunk: bytes) -> None:
        self.since = self.owner.clock
        self.transport.write(chunk)
        if self.paused:
            await self._drain()

    async def _drain(self) -> None:
        self._drained = self.owner.loop.create_future()
        try:
            await self._drained
        finally:
            self._drained = None

    def _bodyless(self, response: Response) -> bool:
        return self.head.method == "HEAD" or response.status in (204, 304) or response.status < 200

    def _write_bodyless(self, response: Response, length: int | None) -> None:
        """What a GET would have had may be told in a HEAD's and a 304's Content-Length; a 204 has none."""
        keep = response.status != 204 and http1.own_length(response.headers) is not None
        if keep or response.status != 200:
            framing = self._persistence()
        else:
            framing = self._framing(length)
        self._write_head(response, framing, keep_length=keep)

    def _write_head(self, response: Response, framing: str, *, keep_length: bool = False) -> None:
        data, close = http1.write_head(response.status, response.headers, framing, keep_length=keep_length)
        if close:
            self.closing = True
        self.begun = True
        self.transport.write(data)

    def _framing(self, length: int | None) -> str:
        """The header lines that say where the response ends and whether the connection does."""
        if length is not None:
            return f"Content-Length: {length}\r\n" + self._persistence()
        if self.head.old:
            self.closing = True
            return self._persistence()
        return "Transfer-Encoding: chunked\r\n" + self._persistence()

    def _persistence(self) -> str:
        if self.closing or self.head.close or self.owner.closing:
            self.closing = True
            return "Connection: close\r\n"
        return "Connection: keep-alive\r\n" if self.head.old else ""

    def abort(self) -> None:
        """Reset the connection, so that no client takes a cut response for a whole one."""
        if not self.lost:
            try:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            except OSError:
                log.debug("the socket is closed already")
            self.transport.abort()

    def check_writing(self, now: float) -> bool:
        """Whether all is written or the client is taking what is not; else the connection is reset."""
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent = unsent
            self._unsent_since = now
            return True
        if now - self._unsent_since > self.limits.write_time:
            self.abort()
            return False
        return True


async def _close(chunks: AsyncIterator[bytes]) -> None:
    """Let a stream go of its files: an async generator would else wait for the garbage collector."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        try:
            await close()
        except Exception:
            log.exception("a response's stream failed to close")
