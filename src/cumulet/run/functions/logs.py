"""A worker's output: one pipe for stdout, stderr and the runtime's own records, cut into log events.

One pipe keeps the order of prints, log records and tracebacks. A record opens with NUL `R` and writes its line breaks as NUL `n`
(see `guest/bootstrap.py`), so it stays one event, as it does in CloudWatch Logs; everything else is one event per line.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

EVENT_LIMIT = 256 * 1024
"""Bytes of one log event. Source: 'CloudWatch Logs quotas'."""
_READ = 16384
_READS_AT_ONCE = 16
"""Enough for a pipe that is full, and an end for one that fills as fast as it is read."""
_RECORD = b"\x00R"
_NEWLINE = b"\x00n"


class LogPipe:
    """Reads the pipe `fd` as lines arrive and hands on whole events. It owns the descriptor."""

    def __init__(self, fd: int, emit: Callable[[list[str]], None]) -> None:
        self.fd = fd
        self.emit = emit
        self.rest = b""
        os.set_blocking(fd, False)
        asyncio.get_running_loop().add_reader(fd, self.drain)

    def drain(self, reads: int = 1) -> None:
        """Takes what is in the pipe: a little at a time, so that a flood does not hold the loop."""
        for _ in range(reads):
            if self.fd < 0:
                return
            try:
                data = os.read(self.fd, _READ)
            except BlockingIOError:
                return
            if not data:
                self._shut()
                return
            self._split(data)
            if len(data) < _READ:
                return

    def flush(self) -> None:
        """Takes all that is in the pipe now, and a last line that nothing ended."""
        self.drain(_READS_AT_ONCE)
        if self.rest:
            rest, self.rest = self.rest, b""
            self.emit(list(_events(rest)))

    def close(self) -> None:
        """Takes the rest and closes the pipe."""
        self.flush()
        self._shut()

    def _shut(self) -> None:
        if self.fd >= 0:
            asyncio.get_running_loop().remove_reader(self.fd)
            os.close(self.fd)
            self.fd = -1

    def _split(self, data: bytes) -> None:
        data = self.rest + data
        lines = data.split(b"\n")
        self.rest = lines.pop()
        if len(self.rest) >= EVENT_LIMIT:
            lines.append(self.rest)
            self.rest = b""
        if lines:
            self.emit([event for line in lines for event in _events(line)])


def _events(line: bytes) -> list[str]:
    """The events in one line: as a rule one, more where a record follows an unfinished print or the line is too long."""
    if b"\x00" in line:
        printed, marker, record = line.partition(_RECORD)
        if marker:
            first = _events(printed) if printed else []
            return first + _cut(record.replace(_NEWLINE, b"\n"))
    return _cut(line)


def _cut(text: bytes) -> list[str]:
    if len(text) < EVENT_LIMIT:
        return [text.decode("utf-8", "replace") + "\n"]
    pieces = (text[at : at + EVENT_LIMIT - 1] for at in range(0, len(text), EVENT_LIMIT - 1))
    return [piece.decode("utf-8", "replace") + "\n" for piece in pieces]
