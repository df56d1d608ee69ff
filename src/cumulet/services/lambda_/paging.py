"""Markers: Lambda's page tokens. They hold the name (and number) that the next page starts after."""

from __future__ import annotations

from cumulet.base import paging
from cumulet.base.types import Json
from cumulet.store import keys

from . import errors


def marker(*position: str | int) -> str:
    """The token of a position."""
    return paging.encode(keys.pack(*position))


def text(token: str | None) -> str:
    """The name in a token; "" where there is no token. Raises AwsError for a token that is none."""
    name, _ = pair(token)
    return name


def pair(token: str | None) -> tuple[str, int]:
    """The name and the number in a token; "" and 0 where it has none. Raises AwsError for a token that is none."""
    if not token:
        return "", 0
    raw = paging.decode(token)
    try:
        parts = keys.unpack(raw) if raw else ()
    except ValueError:
        parts = ()
    name = parts[0] if parts else None
    number = parts[1] if len(parts) > 1 else 0
    if not isinstance(name, str) or not isinstance(number, int):
        raise errors.invalid("Invalid Marker")
    return name, number


def page(member: str, items: list[Json], following: str | None) -> Json:
    """A page of a list operation."""
    out: Json = {member: items}
    if following is not None:
        out["NextMarker"] = following
    return out
