"""Chunks: events of one stream that were put together, packed into one value.

A chunk spans less than a second (`SPAN`), so that reading events in time order has to look at no more than a second's
chunks at once, and at most 64 KiB unless it holds a single larger event. Its key carries the time of its first event.
Layout: format, unused, ingestion time, count, offsets of the times from the first one, lengths of the messages, the
messages in UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import TypeAlias

from cumulet.base.errors import StoreError

SPAN = 1000
"""Milliseconds that a chunk spans at most, exclusive."""

OVERHEAD = 26
"""Bytes that CloudWatch Logs counts for an event besides its message."""

_FORMAT = 1
_HEAD = struct.Struct("<BBQI")
_MAX_BYTES = 64 * 1024
_MAX_EVENTS = 2000


Event: TypeAlias = tuple[int, bytes]
"""An event: milliseconds since the epoch, and its message in UTF-8. A plain tuple: a batch makes ten thousand of them."""


def size(events: Sequence[Event]) -> int:
    """Bytes of events as CloudWatch Logs counts them."""
    return sum(map(len, map(itemgetter(1), events))) + OVERHEAD * len(events)


def split(events: Sequence[Event]) -> Iterator[Sequence[Event]]:
    """Cut chronological events into what makes one chunk each."""
    start = total = 0
    first = events[0][0] if events else 0
    for at, (timestamp, message) in enumerate(events):
        length = len(message) + OVERHEAD
        if at > start and (timestamp - first >= SPAN or total + length > _MAX_BYTES or at - start >= _MAX_EVENTS):
            yield events[start:at]
            start, total, first = at, 0, timestamp
        total += length
    if start < len(events):
        yield events[start:]


def pack(events: Sequence[Event], ingested: int) -> bytes:
    """The value of a chunk; `ingested` is in milliseconds."""
    count = len(events)
    first = events[0][0]
    head = struct.pack(
        f"<BBQI{count}H{count}I",
        _FORMAT,
        0,
        ingested,
        count,
        *[timestamp - first for timestamp, _ in events],
        *[len(message) for _, message in events],
    )
    return head + b"".join([message for _, message in events])


def unpack(raw: bytes, first: int) -> tuple[int, list[tuple[int, str]]]:
    """The ingestion time and the (time, message) pairs of a chunk that begins at `first`. Raises StoreError."""
    try:
        version, _, ingested, count = _HEAD.unpack_from(raw)
        if version != _FORMAT:
            raise StoreError(f"log events of format {version}: this data was written by a newer Cumulet, or is damaged")
        values = struct.unpack_from(f"<{count}H{count}I", raw, _HEAD.size)
        ends = list(accumulate(values[count:], initial=_HEAD.size + 6 * count))
        if ends[-1] != len(raw):
            raise StoreError("damaged log events: their length is wrong")
        text = [raw[ends[n] : ends[n + 1]].decode() for n in range(count)]
    except (struct.error, UnicodeDecodeError) as err:
        raise StoreError(f"damaged log events: {err}") from err
    return ingested, [(first + offset, message) for offset, message in zip(values[:count], text, strict=True)]
