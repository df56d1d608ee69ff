"""Filter patterns over JSON messages: `{ ($.user.id = 1 || $.items[*].kind = "a*") && $.error NOT EXISTS }`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import orjson

from .conditions import Parser, Values, invalid

_STEP = re.compile(r"""\.(?P<name>[^\s.\[\]]+)|\.?\[(?:(?P<index>\d+|\*)|"(?P<double>[^"]*)"|'(?P<single>[^']*)')\]""")


def compile_json(text: str) -> Callable[[str], bool]:
    """The matcher of what stands between the braces. Raises PatternError."""
    test = Parser(text, _selector).parse()

    def matches(message: str) -> bool:
        if message.lstrip()[:1] not in ("{", "["):
            return False
        try:
            document = orjson.loads(message)
        except orjson.JSONDecodeError:
            return False
        return test(document)

    return matches


def _selector(text: str) -> Values:
    if not text.startswith("$"):
        raise invalid()
    steps: list[str | int | None] = []
    at = 1
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise invalid()
        steps.append(_step(found))
        at = found.end()
    # One wildcard at most, as on AWS: two would make the work the product of two lengths.
    if not steps or steps.count(None) > 1:
        raise invalid()
    return lambda document: _resolve(document, steps)


def _step(found: re.Match[str]) -> str | int | None:
    if found["index"] is not None:
        return None if found["index"] == "*" else int(found["index"])
    if found["name"] == "*":
        return None
    return next(part for part in (found["name"], found["double"], found["single"]) if part is not None)


def _resolve(document: Any, steps: list[str | int | None]) -> list[Any]:
    values = [document]
    for step in steps:
        following: list[Any] = []
        for value in values:
            if step is None:
                following.extend(_children(value))
            elif isinstance(step, str):
                if isinstance(value, dict) and step in value:
                    following.append(value[step])
            elif isinstance(value, list) and step < len(value):
                following.append(value[step])
        values = following
    return values


def _children(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else []
