"""The comparisons that JSON and space-delimited filter patterns share: tokens, `&&`, `||`, brackets, values.

An operand is whatever the language compares: a JSON selector or the name of a field. `Parser.operand` makes of its text
a function from the message's decoded form to the list of values that it stands for.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from .errors import PatternError
from .regex import Regex

Values = Callable[[Any], list[Any]]
Test = Callable[[Any], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>"(?:[^"\\]|\\.)*") | %(?P<regex>[^%]+)% | (?P<mark>&&|\|\||!=|<=|>=|=|<|>|\(|\))
        | (?P<bare>(?:\$(?:[.][^\s.\[\]()=!<>&|"%]+|[.]?\[(?:\d{1,6}|\*|"[^"]*"|'[^']*')\])+ | [^\s()=!<>&|"%]+))
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_MAX_DEPTH = 30
_MAX_REGEX = 2


def invalid() -> PatternError:
    """The error for a pattern that has no better name."""
    return PatternError("Invalid filter pattern")


class Parser:
    """Reads one condition. `operand` turns an operand's text into the function that gives its values."""

    def __init__(self, text: str, operand: Callable[[str], Values]) -> None:
        self.operand = operand
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def parse(self) -> Test:
        test = self._or()
        if self.at != len(self.tokens):
            raise invalid()
        return test

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self.at += 1
        return token

    def _or(self) -> Test:
        tests = [self._and()]
        while self._peek() == ("mark", "||"):
            self.at += 1
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _and(self) -> Test:
        tests = [self._one()]
        while self._peek() == ("mark", "&&"):
            self.at += 1
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)

    def _one(self) -> Test:
        kind, text = self._take()
        if (kind, text) == ("mark", "("):
            self.depth += 1
            if self.depth > _MAX_DEPTH:
                raise invalid()
            test = self._or()
            if self._take() != ("mark", ")"):
                raise invalid()
            self.depth -= 1
            return test
        if kind != "bare":
            raise invalid()
        return self._comparison(self.operand(text))

    def _comparison(self, values: Values) -> Test:
        kind, text = self._take()
        if kind == "bare":
            return _state(values, text.upper(), self._take()[1].upper())
        if text in _ORDERS:
            return _ordered(values, _ORDERS[text], self._take())
        if text not in ("=", "!="):
            raise invalid()
        equal = _equal(*self._take())
        if text == "=":
            return lambda value: any(equal(found) for found in values(value))
        return lambda value: any(not equal(found) for found in values(value))


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise PatternError(f"Invalid character(s) in term '{text[at:].strip()[:64]}'")
        assert found.lastgroup is not None
        tokens.append((found.lastgroup, found[found.lastgroup]))
        at = found.end()
    if sum(kind == "regex" for kind, _ in tokens) > _MAX_REGEX:
        raise invalid()
    return tokens


def _state(values: Values, first: str, second: str) -> Test:
    if (first, second) == ("NOT", "EXISTS"):
        return lambda value: not values(value)
    if first == "IS" and second in ("NULL", "TRUE", "FALSE"):
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}[second]
        return lambda value: any(found is wanted for found in values(value))
    raise invalid()


def _ordered(values: Values, holds: Callable[[float, float], bool], token: tuple[str, str]) -> Test:
    kind, text = token
    if kind != "bare" or not _NUMBER.fullmatch(text):
        raise invalid()
    limit = float(text)

    def test(value: Any) -> bool:
        for found in values(value):
            number = as_number(found)
            if number is not None and holds(number, limit):
                return True
        return False

    return test


def _equal(kind: str, text: str) -> Test:
    if kind == "regex":
        search = Regex(text).search
        return lambda found: search(as_text(found))
    if kind == "text":
        literal = _ESCAPE.sub(r"\1", text[1:-1])
        glob = _glob(literal)
        return lambda found: isinstance(found, str) and glob(found)
    if kind != "bare":
        raise invalid()
    glob = _glob(text)
    if not _NUMBER.fullmatch(text):
        return lambda found: glob(as_text(found))
    number = float(text)
    return lambda found: as_number(found) == number or glob(as_text(found))


def as_number(found: Any) -> float | None:
    """The number that a value is or spells, or None."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        return float(found)
    if isinstance(found, str) and len(found) < 64 and _NUMBER.fullmatch(found):
        return float(found)
    return None


def as_text(found: Any) -> str:
    """A scalar as it is written in JSON, less the quotes; nothing for containers."""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int | float):
        return repr(found)
    return ""


def _glob(pattern: str) -> Callable[[str], bool]:
    """A matcher for text in which `*` stands for anything; linear, since the pieces are looked for from left to right."""
    if "*" not in pattern:
        return lambda text: text == pattern
    first, *middle, last = pattern.split("*")

    def matches(text: str) -> bool:
        if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches
