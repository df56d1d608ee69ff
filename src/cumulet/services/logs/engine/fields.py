"""Filter patterns over messages of fields with spaces between: `[ip, user, ..., status=4* || status=5*, bytes > 100]`."""

from __future__ import annotations

import re
from collections.abc import Callable

from .conditions import Parser, Test, Values, invalid

_PART = re.compile(r'(?:[^,"%]|"(?:[^"\\]|\\.)*"|%[^%]+%)+')
_NAME = re.compile(r"[^\s()=!<>&|\"%,]+")
_START = re.compile(r"\S")
_WORD = re.compile(r"\S+")


def compile_fields(text: str) -> Callable[[str], bool]:
    """The matcher of what stands between the brackets. Raises PatternError."""
    head: list[Test | None] = []
    tail: list[Test | None] = []
    gap = False
    for part in _parts(text):
        if part == "...":
            if gap:
                raise invalid()
            gap = True
        else:
            (tail if gap else head).append(_condition(part))
    wanted = len(head) + len(tail)

    def matches(message: str) -> bool:
        found = _split(message)
        if len(found) < wanted or (not gap and len(found) != wanted):
            return False
        if not all(test is None or test(field) for test, field in zip(head, found, strict=False)):
            return False
        last = found[len(found) - len(tail) :]
        return all(test is None or test(field) for test, field in zip(tail, last, strict=True))

    return matches


def _parts(text: str) -> list[str]:
    parts = []
    at = 0
    while True:
        found = _PART.match(text, at)
        if found is None:
            raise invalid()
        parts.append(found[0].strip())
        at = found.end()
        if at == len(text):
            return parts
        if text[at] != ",":
            raise invalid()
        at += 1


def _condition(part: str) -> Test | None:
    if _NAME.fullmatch(part):
        return None
    if not part:
        raise invalid()
    name = _NAME.match(part.lstrip("( "))
    if name is None:
        raise invalid()

    def operand(text: str) -> Values:
        if text != name[0]:
            raise invalid()
        return lambda field: [field]

    return Parser(part, operand).parse()


def _split(message: str) -> list[str]:
    """The fields of a message: words, and what stands between square brackets or double quotes."""
    found: list[str] = []
    ends = {"[": ("]", message.rfind("]")), '"': ('"', message.rfind('"'))}
    at = 0
    while (start := _START.search(message, at)) is not None:
        at = start.start()
        closing, last = ends.get(message[at], ("", -1))
        # Looking only where an end exists keeps a message full of open brackets from being read again and again.
        if at < last:
            end = message.index(closing, at + 1)
            found.append(message[at + 1 : end])
            at = end + 1
        else:
            word = _WORD.match(message, at)
            assert word is not None
            found.append(word[0])
            at = word.end()
    return found
