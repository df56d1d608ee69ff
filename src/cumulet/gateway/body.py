"""S3's aws-chunked bodies: framing undone, chunk signatures checked before a byte is passed on, trailing checksums kept.

Source: Amazon S3 API Reference, 'Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks (Chunked
Upload)' and '... Including Trailing Headers (Chunked Upload)'.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Protocol

from cumulet.base.errors import AwsError
from cumulet.base.messages import Body, BytesBody, Request, StreamBody

from .chunks import Chunk, ChunkDecoder, MalformedChunk

MAX_SIGNED_CHUNK = 16 * 1024 * 1024
"""A signed chunk is held in memory until its signature is known to be right."""
MIN_SIGNED_CHUNK = 8 * 1024
_MAX_TRAILERS = 16 * 1024
_OFFLOAD = 256 * 1024  # Digests of more than this would hold the event loop too long.
_SIGNATURE = re.compile(rb"(?:.*;)?chunk-signature=([^;]+)(?:;.*)?")
_TRAILER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*:[ \t]*([^\r\n\0]*?)[ \t]*")
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class ChunkVerifier(Protocol):
    """Checks a chunk against its signature, in order. Both raise AwsError where it is not right."""

    def chunk(self, signature: str, data: bytes) -> None:
        """One chunk, the empty last one included."""

    def trailer(self, signature: str, trailers: bytes) -> None:
        """The trailers as they were signed: `name:value` lines, each with a newline, without the signature's own."""


class DecodedBody(BytesBody):
    """An aws-chunked body that was all here. `trailers` has lower-case names."""

    __slots__ = ("trailers",)

    def __init__(self, data: bytes, trailers: dict[str, str]) -> None:
        super().__init__(data)
        self.trailers = trailers


class AwsChunkedBody(StreamBody):
    """The decoded bytes of an aws-chunked body as they arrive. `trailers` (lower-case names) is filled at the end of the iteration.

    `length` is what `x-amz-decoded-content-length` promises; the iteration raises AwsError IncompleteBody where it is not kept,
    InvalidRequest where the framing is wrong, and whatever `verifier` raises.
    """

    def __init__(self, body: Body, length: int | None = None, verifier: ChunkVerifier | None = None) -> None:
        self.trailers: dict[str, str] = {}
        super().__init__(self._decode(body, _Decoder(length, self.trailers), verifier), length)

    async def _decode(self, body: Body, decoder: _Decoder, verifier: ChunkVerifier | None) -> AsyncIterator[bytes]:
        if verifier is None:
            async for data in body:
                for piece in decoder.pieces(data):
                    yield piece
        else:
            loop = asyncio.get_running_loop()
            async for data in body:
                for signature, chunk in decoder.signed(data):
                    if len(chunk) > _OFFLOAD:
                        await loop.run_in_executor(None, verifier.chunk, signature, chunk)
                    else:
                        verifier.chunk(signature, chunk)
                    if chunk:
                        yield chunk
        decoder.finish(verifier)


def decode(request: Request, verifier: ChunkVerifier | None) -> DecodedBody | AwsChunkedBody:
    """The request's body without its aws-chunked framing: at once where it is all here, else as it arrives. Raises AwsError."""
    length = decoded_length(request.headers)
    body = request.body
    if isinstance(body, BytesBody):
        return decode_bytes(body.data, length, verifier)
    return AwsChunkedBody(body, length, verifier)


def decode_bytes(data: bytes, length: int | None = None, verifier: ChunkVerifier | None = None) -> DecodedBody:
    """The same for a body of which all bytes are here."""
    trailers: dict[str, str] = {}
    decoder = _Decoder(length, trailers)
    if verifier is None:
        pieces = decoder.pieces(data)
    else:
        pieces = []
        for signature, chunk in decoder.signed(data):
            verifier.chunk(signature, chunk)
            pieces.append(chunk)
    decoder.finish(verifier)
    return DecodedBody(pieces[0] if len(pieces) == 1 else b"".join(pieces), trailers)


def decoded_length(headers: dict[str, str]) -> int:
    """What `x-amz-decoded-content-length` says. Raises AwsError where it is missing or no number."""
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise AwsError("InvalidArgument", "The x-amz-decoded-content-length header is not a number.", 400)
    return int(text)


class _Decoder:
    """What both ways of decoding share: length, trailers and the errors' words."""

    def __init__(self, length: int | None, trailers: dict[str, str]) -> None:
        self._chunks = ChunkDecoder()
        self._length = length
        self._trailers = trailers
        self._size = 0
        self._last = Chunk(-1, b"")
        self._parts: list[bytes] = []
        self._got = 0

    def _events(self, data: bytes) -> list[Chunk | bytes]:
        try:
            events = self._chunks.feed(data)
        except MalformedChunk as error:
            raise _malformed(str(error)) from None
        if self._chunks.done and len(self._chunks.rest) > _MAX_TRAILERS:
            raise _bad_trailer()
        return events

    def pieces(self, data: bytes) -> list[bytes]:
        """The decoded bytes in `data`, in pieces as they came."""
        out = [event for event in self._events(data) if not isinstance(event, Chunk)]
        self._count(sum(map(len, out)))
        return out

    def signed(self, data: bytes) -> list[tuple[str, bytes]]:
        """The chunks that end in `data`, whole, each with its signature; the empty last one too."""
        out: list[tuple[str, bytes]] = []
        for event in self._events(data):
            if isinstance(event, Chunk):
                self._start(event)
            else:
                self._parts.append(event)
                self._got += len(event)
            if self._got == self._last.size:
                whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
                out.append((_signature(self._last), whole))
                self._count(len(whole))
        return out

    def _start(self, chunk: Chunk) -> None:
        if chunk.size > MAX_SIGNED_CHUNK:
            raise _malformed(f"a signed chunk may have at most {MAX_SIGNED_CHUNK} bytes")
        if chunk.size and 0 <= self._last.size < MIN_SIGNED_CHUNK:
            message = "Only the last chunk is allowed to have a size less than 8192 bytes"
            raise AwsError("InvalidChunkSizeError", message, 403, members={"BadChunkSize": self._last.size})
        self._last = chunk
        self._parts = []
        self._got = 0

    def _count(self, size: int) -> None:
        self._size += size
        if self._length is not None and self._size > self._length:
            raise _incomplete()

    def finish(self, verifier: ChunkVerifier | None) -> None:
        """The outer body has ended: so must ours have. Fills the trailers."""
        if not self._chunks.done:
            raise AwsError("IncompleteBody", "The request body terminated unexpectedly", 400)
        if self._length is not None and self._size != self._length:
            raise _incomplete()
        signature = ""
        lines: list[str] = []
        # Some clients end a trailer with a bare newline, as S3's documentation does, and go on after an empty line.
        for line in self._chunks.rest.decode("latin-1").split("\n"):
            text = line.removesuffix("\r")
            if not text:
                continue
            match = _TRAILER.fullmatch(text)
            if match is None:
                raise _bad_trailer()
            name, value = match[1].lower(), match[2]
            if name == _TRAILER_SIGNATURE:
                signature = value
            else:
                self._trailers[name] = value
                lines.append(f"{name}:{value}\n")
        if verifier is not None and (lines or signature):
            verifier.trailer(signature, "".join(lines).encode("latin-1"))


def _signature(chunk: Chunk) -> str:
    match = _SIGNATURE.fullmatch(chunk.extension)
    if match is None:
        raise _malformed("a chunk has no signature")
    return match[1].decode("latin-1")


def _malformed(reason: str) -> AwsError:
    return AwsError("InvalidRequest", f"The aws-chunked body is malformed: {reason}.", 400)


def _incomplete() -> AwsError:
    message = "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header."
    return AwsError("IncompleteBody", message, 400)


def _bad_trailer() -> AwsError:
    message = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return AwsError("MalformedTrailerError", message, 400)
