"""A request's body while it is still arriving: one reader, bounded memory, `100 Continue` at the first read."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from cumulet.base.messages import BodyBroken, BodyTooLarge

from .chunks import Chunk, ChunkDecoder, MalformedChunk

_MAX_TRAILERS = 16 * 1024


class Source(Protocol):
    """What a body may ask of its connection."""

    def pause_body(self) -> None: ...

    def resume_body(self) -> None: ...

    def want_body(self, *, first: bool) -> None: ...


class Incoming:
    """The Body of a request in progress. The connection feeds it; the handler iterates or reads it, once."""

    __slots__ = ("_chunks", "_continue", "_discarding", "_error", "_high", "_low", "_paused", "_queue", "_queued", "_source", "_waiter",
                 "complete", "left", "length")  # fmt: skip

    def __init__(self, source: Source, length: int | None, *, expect: bool, high: int, low: int) -> None:
        self.length = length
        self.left = length
        """Bytes still to come; None where only the end will tell."""
        self.complete = False
        self._source = source
        self._chunks = ChunkDecoder() if length is None else None
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: BodyBroken | None = None
        self._continue = expect
        self._discarding = False
        self._paused = False
        self._high = high
        self._low = low

    @property
    def unanswered(self) -> bool:
        """The client waits for `100 Continue` and nobody has asked for the body."""
        return self._continue

    @property
    def starving(self) -> bool:
        """A reader waits for bytes, or the rest is being read away: silence counts against the client."""
        return not self.complete and (self._waiter is not None or self._discarding)

    @property
    def broken(self) -> bool:
        """Nothing more will come, and what came is not whole."""
        return self._error is not None

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to the body; return what follows it."""
        self._continue = False
        if self._error is not None:
            return b""
        left = self.left
        if left is None:
            return self._feed_chunked(data)
        size = len(data)
        if size < left:
            self.left = left - size
            self._push(data)
            return b""
        self.left = 0
        self.complete = True
        if size == left:
            self._push(data)
            return b""
        self._push(data[:left])
        return data[left:]

    def _feed_chunked(self, data: bytes) -> bytes:
        decoder = self._chunks
        assert decoder is not None
        try:
            for event in decoder.feed(data):
                if not isinstance(event, Chunk):
                    self._push(event)
        except MalformedChunk as error:
            self.fail(str(error))
            return b""
        if not decoder.done:
            return b""
        # HTTP's trailers end with an empty line. None of them means anything to us.
        rest = decoder.rest
        end = 2 if rest[:2] == b"\r\n" else rest.find(b"\r\n\r\n") + 4
        if end >= 4 or rest[:2] == b"\r\n":
            self.complete = True
            self._wake()
            return rest[end:]
        if len(rest) > _MAX_TRAILERS:
            self.fail("the trailers are too long")
        return b""

    def _push(self, data: bytes) -> None:
        if self._discarding:
            return
        self._queue.append(data)
        self._queued += len(data)
        if self._queued > self._high and not self.complete and not self._paused:
            self._paused = True
            self._source.pause_body()
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, reason: str) -> None:
        """The rest will never come: readers get BodyBroken."""
        if not self.complete and self._error is None:
            self._error = BodyBroken(reason)
            self._wake()

    def discard(self) -> None:
        """The handler is done: drop what came and what comes."""
        self._discarding = True
        self._queue.clear()
        self._queued = 0
        self._relieve()

    def _relieve(self) -> None:
        if self._paused:
            self._paused = False
            self._source.resume_body()

    def __aiter__(self) -> Incoming:
        return self

    async def __anext__(self) -> bytes:
        while not self._queue:
            if self._error is not None:
                raise self._error
            if self.complete:
                raise StopAsyncIteration
            if self._discarding:
                raise BodyBroken("the request is over")
            if self._waiter is not None:
                raise RuntimeError("a body has one reader")
            self._source.want_body(first=self._continue)
            self._continue = False
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._queue.popleft()
        self._queued -= len(data)
        if self._queued <= self._low:
            self._relieve()
        return data

    async def read(self, limit: int | None = None) -> bytes:
        """All of it. Raises BodyTooLarge beyond `limit` bytes (at once where the length is known), BodyBroken."""
        if limit is not None and self.length is not None and self.length > limit:
            raise BodyTooLarge(f"{self.length} bytes, at most {limit}")
        parts: list[bytes] = []
        size = 0
        async for data in self:
            size += len(data)
            if limit is not None and size > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            parts.append(data)
        return b"".join(parts)
