"""The chunk grammar that HTTP's `Transfer-Encoding: chunked` and S3's `aws-chunked` share: `size[;extension] CRLF data CRLF … 0`.

Sans I/O: bytes in, pieces out, whatever way the bytes were cut. Trailers are the caller's, because the two formats end differently.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;([\x20-\x7e]*))?\r\n")
MAX_LINE = 1024


class MalformedChunk(ValueError):
    """The bytes are not chunks."""


class Chunk(NamedTuple):
    """A chunk's head: `size` bytes follow as pieces. Size 0 ends the data."""

    size: int
    extension: bytes


class ChunkDecoder:
    """Splits a stream into chunk heads and pieces of data. When `done`, `rest` holds the bytes after the last chunk's head."""

    __slots__ = ("_closing", "_held", "_left", "done", "rest")

    def __init__(self) -> None:
        self._left = 0
        self._closing = False
        self._held = b""
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> list[Chunk | bytes]:
        """The heads and pieces in `data`. A piece is `data` itself where all of it lies within one chunk. Raises MalformedChunk."""
        if self.done:
            self.rest += data
            return []
        if self._held:
            data = self._held + data
            self._held = b""
        out: list[Chunk | bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._left:
                stop = min(at + self._left, end)
                out.append(data[at:stop])
                self._left -= stop - at
                at = stop
                continue
            newline = data.find(b"\n", at, at + MAX_LINE)
            if newline < 0:
                if end - at >= MAX_LINE:
                    raise MalformedChunk("a chunk's size line is too long")
                self._held = data[at:]
                break
            line = data[at : newline + 1]
            at = newline + 1
            if self._closing:
                if line != b"\r\n":
                    raise MalformedChunk("a chunk is longer than its size")
                self._closing = False
                continue
            chunk = _head(line)
            out.append(chunk)
            if not chunk.size:
                self.done = True
                self.rest = data[at:]
                break
            self._left = chunk.size
            self._closing = True
        return out


def _head(line: bytes) -> Chunk:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedChunk("a chunk's size is not hexadecimal")
    return Chunk(int(match[1], 16), match[2] or b"")
