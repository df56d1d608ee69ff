"""What one client may cost us: sizes and times, all in one place."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    target: int = 32 * KIB
    """Longest request target; beyond it 414. An S3 key of 1,024 bytes is 3 KiB when percent-encoded, a presigned query 2 KiB."""
    head: int = 64 * KIB
    """Request line and headers together; beyond it 431."""
    headers: int = 200
    """Header lines; beyond it 431."""
    inline: int = MIB
    """Bodies up to this size are collected before the handler is called."""
    high: int = 2 * MIB
    """A streaming body stops the socket when so much of it waits for its reader ..."""
    low: int = 512 * KIB
    """... and starts it again here."""
    pipelined: int = 64 * KIB
    """Bytes kept of requests that arrived while another one is being answered."""
    write_high: int = MIB
    """A response's stream is not asked for more while so much of it is unsent ..."""
    write_low: int = 256 * KIB
    """... until no more than this is."""
    drain: int = MIB
    """An unread rest of a body up to this size is read away to save the connection; a longer one costs it."""
    linger: int = 64 * MIB
    """Bytes read away after the last response, so that the client sees it before its own sending fails."""
    linger_time: float = 4.0
    """Longest silence while doing so."""
    head_time: float = 20.0
    """From a head's first byte to its last (slow loris)."""
    idle_time: float = 120.0
    """Between requests. Longer than SDKs keep their pooled connections in practice, so that they close first."""
    body_time: float = 60.0
    """Longest silence within a request's body while somebody waits for it."""
    write_time: float = 60.0
    """Longest time in which a client takes no byte of its response."""
    connections: int = 4096
    """Open at once; at the cap the longest idle one is closed for a new one, else new ones wait in the kernel's backlog."""
