"""What CloudWatch Logs keeps, and where. The only file of the service that touches the store.

    group    name                        → the group: id, created, …
    tags     group id                    → its tags
    size     group id                    → bytes of its events
    stream   group id, name              → the stream: id, times, number of the next chunk (of fixed size)
    recent   group id, time, name        → nothing: the streams by their last event, less than a second behind
    chunk    group id, stream, time, n   → a chunk of events (engine.chunks)
    time     group id, time, stream, n   → the stream's name and the chunk's size: the group's chunks in time order

A put writes one chunk per second that its events span, and four small records. Group ids are opaque, so that deleting a
group clears ranges and its successor is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from cumulet.base.ids import hexid
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store import keys, records

from .engine import chunks
from .engine.order import Chunk

RECENT_LAG = 1000
_PAGE = 256
_CHUNK_PAGE = 16


@lru_cache(4096)
def _space(account: str, region: str, kind: str) -> bytes:
    return keys.space(account, region, "logs") + keys.pack(kind)


def _at(ctx: Context, kind: str, *parts: str | int) -> bytes:
    return _space(ctx.account, ctx.region, kind) + keys.pack(*parts)


# groups


def group(ctx: Context, name: str) -> Json | None:
    """The record of a group, not to be changed, or None."""
    found: Json | None = ctx.tx.cached(_at(ctx, "group", name), records.decode)
    return found


def create_group(ctx: Context, name: str, record: Json) -> Json:
    """Write a new group. `record` is what describes it."""
    made = {"id": hexid(8), "name": name, "created": int(ctx.now * 1000), **record}
    put_group(ctx, made)
    return made


def put_group(ctx: Context, record: Json) -> None:
    """Write a group's record."""
    ctx.tx.put(_at(ctx, "group", record["name"]), records.encode(record))


def drop_group(ctx: Context, record: Json) -> None:
    """Delete a group with everything in it, in constant time."""
    tx = ctx.tx
    tx.delete(_at(ctx, "group", record["name"]))
    for kind in ("tags", "size"):
        tx.delete(_at(ctx, kind, record["id"]))
    for kind in ("stream", "recent", "chunk", "time"):
        tx.clear_range(*keys.bounds(_at(ctx, kind, record["id"])))


def groups(ctx: Context, prefix: str, after: str | None, limit: int) -> list[Json]:
    """At most `limit` groups whose names start with `prefix`, after the name `after`, by name."""
    space = _space(ctx.account, ctx.region, "group")
    lo, hi = _name_bounds(space, prefix, after)
    return [records.decode(raw) for _, raw in ctx.tx.range(lo, hi, limit)]


def stored_bytes(ctx: Context, group_id: str) -> int:
    """Bytes of a group's events, as CloudWatch Logs counts them."""
    raw = ctx.tx.get(_at(ctx, "size", group_id))
    return int(records.decode(raw)) if raw is not None else 0


def add_bytes(ctx: Context, group_id: str, size: int) -> None:
    """Count bytes that were added to a group, or with a negative `size` removed."""
    at = _at(ctx, "size", group_id)
    raw = ctx.tx.get(at)
    held = records.decode(raw) if raw is not None else 0
    ctx.tx.put(at, records.encode(max(0, held + size)))


def tags(ctx: Context, group_id: str) -> dict[str, str]:
    """A group's tags."""
    raw = ctx.tx.get(_at(ctx, "tags", group_id))
    return dict(records.decode(raw)) if raw is not None else {}


def put_tags(ctx: Context, group_id: str, values: dict[str, str]) -> None:
    """Write a group's tags."""
    ctx.tx.put(_at(ctx, "tags", group_id), records.encode(values))


# streams


def stream(ctx: Context, group_id: str, name: str) -> Json | None:
    """The record of a stream, not to be changed, or None."""
    found: Json | None = ctx.tx.cached(_at(ctx, "stream", group_id, name), records.decode)
    return found


def create_stream(ctx: Context, group_id: str, name: str) -> Json:
    """Write a new, empty stream."""
    made: Json = {"id": int(hexid(8), 16) >> 1, "created": int(ctx.now * 1000), "next": 0, "bytes": 0, "recent": 0}
    _put_stream(ctx, group_id, name, made)
    ctx.tx.put(_at(ctx, "recent", group_id, 0, name), b"")
    return made


def _put_stream(ctx: Context, group_id: str, name: str, record: Json) -> None:
    ctx.tx.put(_at(ctx, "stream", group_id, name), records.encode(record))


def drop_stream(ctx: Context, group_id: str, name: str, record: Json) -> None:
    """Forget a stream. Its events are no longer found; `sweep` removes them."""
    ctx.tx.delete(_at(ctx, "stream", group_id, name))
    ctx.tx.delete(_at(ctx, "recent", group_id, record["recent"], name))


def streams(
    ctx: Context, group_id: str, prefix: str, from_name: str | None, limit: int, *, reverse: bool = False
) -> list[tuple[str, Json]]:
    """At most `limit` streams by name, past `from_name` in the direction of reading."""
    space = _at(ctx, "stream", group_id)
    lo, hi = _name_bounds(space, prefix, None if reverse else from_name)
    if reverse and from_name is not None:
        hi = min(hi, space + keys.pack(from_name))
    page = ctx.tx.range(lo, hi, limit, reverse=reverse)
    return [(_last(key, space), records.decode(raw)) for key, raw in page]


class Recent(NamedTuple):
    """A stream by its last event's time (0 where it has none) and its name."""

    last: int
    name: str
    record: Json


def recent_streams(
    ctx: Context, group_id: str, past: tuple[int, str] | None, limit: int, *, reverse: bool
) -> list[Recent]:
    """At most `limit` streams by the time of their last events, past (time, name) in the direction of reading.

    The index lags behind by less than RECENT_LAG milliseconds, so it is read that much further.
    """
    space = _at(ctx, "recent", group_id)
    lo, hi = keys.bounds(space)
    if past is not None and reverse:
        hi = space + keys.pack(past[0] + 1)
    elif past is not None:
        lo = space + keys.pack(max(0, past[0] - RECENT_LAG + 1))
    found: list[Recent] = []
    while page := ctx.tx.range(lo, hi, _PAGE, reverse=reverse):
        for key, _ in page:
            name = _last(key, space)
            record = stream(ctx, group_id, name)
            if record is None:
                continue
            entry = Recent(record.get("last", 0), name, record)
            if past is None or (entry[:2] < past if reverse else entry[:2] > past):
                found.append(entry)
        seen = keys.unpack(page[-1][0][len(space) :])[0]
        assert isinstance(seen, int)
        sure = sum(entry.last >= seen + RECENT_LAG if reverse else entry.last < seen for entry in found)
        if sure >= limit or len(page) < _PAGE:
            break
        if reverse:
            hi = page[-1][0]
        else:
            lo = page[-1][0] + b"\x00"
    found.sort(key=lambda entry: entry[:2], reverse=reverse)
    return found[:limit]


# events


def append(ctx: Context, group_id: str, name: str, record: Json, events: Sequence[chunks.Event]) -> Json:
    """Add chronological events to a stream; returns the stream's new record."""
    tx = ctx.tx
    ingested = int(ctx.now * 1000)
    stream_id, number, total = record["id"], record["next"], 0
    for part in chunks.split(events):
        first = part[0][0]
        size = chunks.size(part)
        total += size
        tx.put(_at(ctx, "chunk", group_id, stream_id, first, number), chunks.pack(part, ingested))
        tx.put(_at(ctx, "time", group_id, first, stream_id, number), records.encode([name, size]))
        number += 1
    last = max(record.get("last", 0), events[-1][0])
    recent = record["recent"]
    if last - recent >= RECENT_LAG:
        # Moving the index once a second, not at each put, keeps its range free of tombstones.
        tx.delete(_at(ctx, "recent", group_id, recent, name))
        tx.put(_at(ctx, "recent", group_id, last, name), b"")
        recent = last
    changed = {
        **record,
        "next": number,
        "bytes": record["bytes"] + total,
        "first": min(record.get("first", events[0][0]), events[0][0]),
        "last": last,
        "ingested": ingested,
        "recent": recent,
    }
    _put_stream(ctx, group_id, name, changed)
    add_bytes(ctx, group_id, total)
    return changed


def stream_chunks(
    ctx: Context, group_id: str, stream_id: int, start: int, end: int, *, reverse: bool = False
) -> Iterator[Chunk]:
    """A stream's chunks that begin in [start, end], milliseconds, by time."""
    space = _at(ctx, "chunk", group_id, stream_id)
    lo, hi = space + keys.pack(max(0, start)), space + keys.pack(end + 1)
    while page := ctx.tx.range(lo, hi, _CHUNK_PAGE, reverse=reverse):
        for key, raw in page:
            first, number = _pair(key, space)
            yield Chunk(first, stream_id, number, raw)
        if len(page) < _CHUNK_PAGE:
            return
        if reverse:
            hi = page[-1][0]
        else:
            lo = page[-1][0] + b"\x00"


def group_chunks(
    ctx: Context, group_id: str, wanted: Callable[[str, int], bool], start: int, end: int, *, reverse: bool = False
) -> Iterator[Chunk | None]:
    """The chunks of a group's streams that begin in [start, end], by time; `wanted` chooses streams by name and id.

    Gives None after each page of the index, so that a reader who skips much can take a breath.
    """
    space = _at(ctx, "time", group_id)
    lo, hi = space + keys.pack(max(0, start)), space + keys.pack(end + 1)
    while page := ctx.tx.range(lo, hi, _PAGE, reverse=reverse):
        for key, raw in page:
            first, stream_id, number = _triple(key, space)
            if wanted(records.decode(raw)[0], stream_id):
                value = ctx.tx.get(_at(ctx, "chunk", group_id, stream_id, first, number))
                if value is not None:
                    yield Chunk(first, stream_id, number, value)
        yield None
        if len(page) < _PAGE:
            return
        if reverse:
            hi = page[-1][0]
        else:
            lo = page[-1][0] + b"\x00"


def sweep(ctx: Context, group_id: str, stream_id: int, limit: int) -> bool:
    """Remove at most `limit` chunks of a stream that is gone. Returns whether any may be left."""
    space = _at(ctx, "chunk", group_id, stream_id)
    page = ctx.tx.range(*keys.bounds(space), limit)
    for key, _ in page:
        first, number = _pair(key, space)
        ctx.tx.delete(key)
        ctx.tx.delete(_at(ctx, "time", group_id, first, stream_id, number))
    return len(page) == limit


def expire(ctx: Context, group_id: str, before: int, limit: int) -> tuple[bool, int | None]:
    """Remove at most `limit` chunks of a group whose events are all older than `before`, milliseconds.

    Returns whether more may be left, and the time of the oldest chunk that stays where that is known.
    """
    space = _at(ctx, "time", group_id)
    page = ctx.tx.range(*keys.bounds(space), limit)
    freed: dict[str, tuple[int, int]] = {}
    oldest = None
    for key, raw in page:
        first, stream_id, number = _triple(key, space)
        if first + chunks.SPAN > before:
            oldest = first
            break
        name, size = records.decode(raw)
        ctx.tx.delete(key)
        ctx.tx.delete(_at(ctx, "chunk", group_id, stream_id, first, number))
        freed[name] = (stream_id, freed.get(name, (0, 0))[1] + size)
    for name, (stream_id, size) in freed.items():
        record = stream(ctx, group_id, name)
        if record is not None and record["id"] == stream_id:
            _put_stream(ctx, group_id, name, _shrunk(ctx, group_id, record, size))
            add_bytes(ctx, group_id, -size)
    return oldest is None and len(page) == limit, oldest


def _shrunk(ctx: Context, group_id: str, record: Json, size: int) -> Json:
    left = next(stream_chunks(ctx, group_id, record["id"], 0, 1 << 62), None)
    changed = {**record, "bytes": max(0, record["bytes"] - size)}
    if left is not None:
        changed["first"] = left.first
    return changed


def alive(ctx: Context, group_id: str, name: str, stream_id: int) -> bool:
    """Whether the stream of that name is still the one with that id."""
    record = stream(ctx, group_id, name)
    return record is not None and record["id"] == stream_id


# keys


def _name_bounds(space: bytes, prefix: str, after: str | None) -> tuple[bytes, bytes]:
    start = space + keys.pack(prefix)[:-1]
    lo, hi = (start, keys.after_prefix(start)) if prefix else keys.bounds(space)
    if after is not None:
        lo = max(lo, space + keys.pack(after) + b"\x00")
    return lo, hi


def _last(key: bytes, space: bytes) -> str:
    return str(keys.unpack(key[len(space) :])[-1])


def _pair(key: bytes, space: bytes) -> tuple[int, int]:
    parts: Any = keys.unpack(key[len(space) :])
    return parts[0], parts[1]


def _triple(key: bytes, space: bytes) -> tuple[int, int, int]:
    parts: Any = keys.unpack(key[len(space) :])
    return parts[0], parts[1], parts[2]
