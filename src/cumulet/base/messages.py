"""HTTP messages and bodies, as the gateway, the wire and streaming operations hand them to each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from .errors import CumuletError


class BodyTooLarge(CumuletError):
    """A body is longer than its reader allows."""


class BodyBroken(CumuletError):
    """The client went away, or sent fewer bytes than it promised, or framed them wrongly."""


@runtime_checkable
class Body(Protocol):
    """Bytes that may still be arriving. `length` is None where only the end will tell. It can be read once."""

    length: int | None

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read(self, limit: int | None = None) -> bytes:
        """All of it. Raises BodyTooLarge beyond `limit` bytes (at once where the length is known), BodyBroken."""


class BytesBody:
    """A body that is all here. Hot paths look at `data` and never iterate."""

    __slots__ = ("data", "length")

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.length: int | None = len(data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.data:
            yield self.data

    async def read(self, limit: int | None = None) -> bytes:
        if limit is not None and len(self.data) > limit:
            raise BodyTooLarge(f"{len(self.data)} bytes, at most {limit}")
        return self.data


class StreamBody:
    """A body made of an async iterator of chunks, with its length where that is known."""

    __slots__ = ("chunks", "length")

    def __init__(self, chunks: AsyncIterator[bytes], length: int | None = None) -> None:
        self.chunks = chunks
        self.length = length

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks

    async def read(self, limit: int | None = None) -> bytes:
        if limit is not None and self.length is not None and self.length > limit:
            raise BodyTooLarge(f"{self.length} bytes, at most {limit}")
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks:
            size += len(chunk)
            if limit is not None and size > limit:
                raise BodyTooLarge(f"more than {limit} bytes")
            parts.append(chunk)
        return b"".join(parts)


class Request:
    """An HTTP request whose head has been read.

    `target` is the raw request target; `path` and `query` are its two halves, still percent-encoded (S3 keys carry `%2F`, `//`
    and `..`). `headers` has lower-case names; repeated headers are joined by a comma, values are decoded as latin-1.
    """

    __slots__ = ("body", "headers", "id", "method", "path", "peer", "query", "secure", "target")

    def __init__(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: Body | None = None,
        *,
        secure: bool = False,
        peer: str = "127.0.0.1",
    ) -> None:
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body: Body = body if body is not None else BytesBody()
        self.secure = secure
        self.peer = peer
        self.id = ""


class Response:
    """An HTTP response. `body` is bytes or a Body; the server adds Content-Length (or chunked framing) and Date itself."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes | Body = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body
