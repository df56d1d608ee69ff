"""The walk of a listing: ordered names, rolled up at a delimiter, at a cost that depends on what is listed only.

Source: Amazon S3 User Guide, 'Organizing objects using prefixes'. A common prefix is taken with one seek past everything in it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple
from urllib.parse import quote_plus

from cumulet.store.keys import after_prefix

Fetch = Callable[[bytes, bytes, int], list[tuple[bytes, bytes]]]
"""At most so many (position, value) pairs from a position on and before another, in order."""

PAGE = 256
SMALL_PAGE = 16


class Found(NamedTuple):
    """One page of a listing. `position` is where the next page starts; None where there is none."""

    items: list[tuple[str, bytes, bytes]]
    """(name, position, value)"""
    prefixes: list[str]
    position: bytes | None
    last: str
    """The last name or prefix on this page; empty where there is none."""


def encode(name: str) -> bytes:
    """A name's position without its end: the first position of every name that starts with it."""
    return b"\x02" + name.encode().replace(b"\x00", b"\x00\xff")


def decode(position: bytes) -> str:
    """The name that stands first at a position."""
    end = 1
    while True:
        end = position.index(b"\x00", end)
        if position[end + 1 : end + 2] != b"\xff":
            return position[1:end].replace(b"\x00\xff", b"\x00").decode()
        end += 2


def rolled(name: str, prefix: str, delimiter: str) -> str | None:
    """The common prefix that stands for `name`; None where it stands for itself."""
    at = name.find(delimiter, len(prefix)) if delimiter else -1
    return name[: at + len(delimiter)] if at >= 0 else None


def start(after: str, prefix: str, delimiter: str) -> bytes:
    """Where a listing begins that was asked to start after the name, or the common prefix, `after`."""
    if not after:
        return b""
    if after.startswith(prefix) and rolled(after, prefix, delimiter) == after:
        return after_prefix(encode(after))
    return encode(after) + b"\x00\x01"


def walk(fetch: Fetch, prefix: str, delimiter: str, position: bytes, limit: int) -> Generator[None, None, Found]:
    """One page: at most `limit` names and common prefixes under `prefix` from `position` on. Yields after each read."""
    lo = max(encode(prefix), position)
    hi = after_prefix(encode(prefix))
    items: list[tuple[str, bytes, bytes]] = []
    prefixes: list[str] = []
    last = ""
    size = PAGE
    while limit:
        page = fetch(lo, hi, min(size, limit - len(items) - len(prefixes) + 1))
        yield
        inside = b""
        for at, value in page:
            if inside and at < inside:
                continue
            inside = b""
            if len(items) + len(prefixes) == limit:
                return Found(items, prefixes, lo, last)
            name = decode(at)
            group = rolled(name, prefix, delimiter)
            if group is None:
                items.append((name, at, value))
                last, lo = name, at + b"\x00"
            else:
                prefixes.append(group)
                last = group
                lo = inside = after_prefix(encode(group))
        if inside:
            size = SMALL_PAGE
        elif not page:
            break
        else:
            lo = max(lo, page[-1][0] + b"\x00")
            size = min(PAGE, size * 4)
    return Found(items, prefixes, None, last)


_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/*")


def url(text: str) -> str:
    """A name as `encoding-type=url` writes it."""
    return text if _PLAIN.issuperset(text) else quote_plus(text, safe="/*")
