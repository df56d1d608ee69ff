"""Wildcards and policy variables: whether a statement's Action and Resource fit a request.

Sources: IAM User Guide, 'IAM JSON policy elements: Action / Resource' and 'IAM policy elements: Variables
and tags'. Matching never backtracks: a pattern is its literal parts, found from left to right, so a hostile policy
costs its length times the text's, never more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final, TypeAlias

Context: TypeAlias = Mapping[str, list[str]]
"""Condition keys in lower case and their values, always a list."""

Matcher: TypeAlias = Callable[[str, Context], bool]
"""Whether a text fits a pattern, whose variables are taken from the context."""


class _Wild(Enum):
    ONE = "?"
    MANY = "*"


class _Variable:
    __slots__ = ("default", "name")

    def __init__(self, name: str, default: str | None) -> None:
        self.name = name
        self.default = default


_Token: TypeAlias = str | _Wild | _Variable
_variable = re.compile(r"\$\{([^{}]*)\}")
_arn_pieces = re.compile(r"(\$\{[^{}]*\}|:)").split
ESCAPES: Final = {"*": "*", "?": "?", "$": "$"}


class Glob:
    """A pattern of `*` (any characters) and `?` (one character) without variables."""

    __slots__ = ("_last", "_parts")

    def __init__(self, tokens: Iterable[str | _Wild]) -> None:
        parts: list[list[str | None]] = [[]]
        for token in tokens:
            if token is _Wild.MANY:
                parts.append([])
            elif token is _Wild.ONE:
                parts[-1].append(None)
            elif isinstance(token, str):
                parts[-1].append(token)
        self._parts = [_Part(part) for part in parts]
        self._last = self._parts[-1]

    def __call__(self, text: str) -> bool:
        parts = self._parts
        first, last = parts[0], self._last
        if len(parts) == 1:
            return len(text) == first.length and first.at(text, 0)
        end = len(text) - last.length
        if end < first.length or not first.at(text, 0) or not last.at(text, end):
            return False
        position = first.length
        for part in parts[1:-1]:
            position = part.find(text, position, end)
            if position < 0:
                return False
            position += part.length
        return True


class _Part:
    """What stands between two `*`: text of one fixed length, some characters of it perhaps any."""

    __slots__ = ("_literal", "_regex", "length")

    def __init__(self, pieces: list[str | None]) -> None:
        self.length = sum(1 if piece is None else len(piece) for piece in pieces)
        self._literal = "".join(piece or "" for piece in pieces)
        # One character class per position and no repetition: nothing to backtrack over.
        pattern = "".join("." if piece is None else re.escape(piece) for piece in pieces)
        self._regex = re.compile(pattern, re.DOTALL) if None in pieces else None

    def at(self, text: str, position: int) -> bool:
        if self._regex is None:
            return text.startswith(self._literal, position)
        return self._regex.match(text, position) is not None

    def find(self, text: str, position: int, end: int) -> int:
        if self._regex is None:
            return text.find(self._literal, position, end)
        found = self._regex.search(text, position, end)
        return found.start() if found else -1


def pattern(text: str, *, wild: bool = True, variables: bool = True, fold: bool = False) -> Matcher:
    """Compile a pattern. `wild`: `*` and `?` mean more than themselves; `fold`: letters match in either case."""
    tokens = _tokens(text, wild, variables)
    if any(isinstance(token, _Variable) for token in tokens):
        return _with_variables(tokens, fold)
    fixed = [token.lower() if fold and isinstance(token, str) else token for token in tokens]
    if tokens == [_Wild.MANY]:
        return lambda _text, _context: True
    if all(isinstance(token, str) for token in fixed):
        literal = "".join(str(token) for token in fixed)
        if fold:
            return lambda value, _context: value.lower() == literal
        return lambda value, _context: value == literal
    if len(fixed) == 2 and isinstance(fixed[0], str) and fixed[1] is _Wild.MANY and not fold:
        start = fixed[0]
        return lambda value, _context: value.startswith(start)
    glob = Glob(token for token in fixed if not isinstance(token, _Variable))
    if fold:
        return lambda value, _context: glob(value.lower())
    return lambda value, _context: glob(value)


def split_arn(text: str) -> list[str]:
    """The parts of an ARN pattern, six at most; a colon inside a variable (`${aws:username}`) ends none."""
    parts = [""]
    for piece in _arn_pieces(text):
        if piece == ":" and len(parts) < 6:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def _with_variables(tokens: list[_Token], fold: bool) -> Matcher:
    def matches(value: str, context: Context) -> bool:
        filled: list[str | _Wild] = []
        for token in tokens:
            if isinstance(token, _Variable):
                found = resolve(token, context)
                if found is None:
                    return False
                filled.append(found.lower() if fold else found)
            else:
                filled.append(token.lower() if fold and isinstance(token, str) else token)
        return Glob(filled)(value.lower() if fold else value)

    return matches


def resolve(variable: _Variable, context: Context) -> str | None:
    """A variable's value: only a key with exactly one value has one; else its default; else None, which matches nothing."""
    values = context.get(variable.name)
    return values[0] if values is not None and len(values) == 1 else variable.default


def _tokens(text: str, wild: bool, variables: bool) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    for found in _variable.finditer(text) if variables else ():
        tokens += _plain(text[at : found.start()], wild)
        at = found.end()
        name = found[1].strip()
        if name in ESCAPES:
            tokens.append(ESCAPES[name])
            continue
        key, comma, default = (part.strip() for part in name.partition(","))
        quoted = comma and len(default) >= 2 and default[0] == default[-1] == "'"
        tokens.append(_Variable(key.lower(), default[1:-1] if quoted else None))
    return tokens + _plain(text[at:], wild)


def _plain(text: str, wild: bool) -> list[_Token]:
    if not wild:
        return [text] if text else []
    return [
        _Wild.MANY if piece == "*" else _Wild.ONE if piece == "?" else piece
        for piece in re.split(r"([*?])", text)
        if piece
    ]


class Actions:
    """An Action or NotAction element: names without regard to case, with wildcards."""

    __slots__ = ("_globs", "_names", "negated")

    def __init__(self, names: list[str], negated: bool) -> None:
        lowered = [name.lower() for name in names]
        self._names = frozenset(name for name in lowered if "*" not in name and "?" not in name)
        self._globs = [pattern(name, variables=False) for name in lowered if name not in self._names]
        self.negated = negated

    def __call__(self, action: str) -> bool:
        lowered = action.lower()
        listed = lowered in self._names or any(glob(lowered, {}) for glob in self._globs)
        return listed != self.negated


class Resources:
    """A Resource or NotResource element."""

    __slots__ = ("_patterns", "negated")

    def __init__(self, patterns: list[str], negated: bool, variables: bool) -> None:
        self._patterns = [pattern(text, variables=variables) for text in patterns]
        self.negated = negated

    def __call__(self, resource: str, context: Context) -> bool:
        return any(matches(resource, context) for matches in self._patterns) != self.negated
