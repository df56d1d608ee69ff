"""Filter patterns: text to a function that tells whether a message matches, in time linear in the message.

Three languages share the syntax and are told apart by the first character: terms (`ERROR -debug "a phrase" ?a ?b
%regex%`), JSON (`{ $.a = 1 && ... }`) and space-delimited fields (`[ip, status=4*, ...]`). Source: CloudWatch Logs User
Guide, 'Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail'.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from . import fields, jsonpath
from .errors import PatternError
from .regex import Regex

Matcher = Callable[[str], bool]

_TERM = re.compile(r'([?-]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"%]+))(?=\s|$)')
_ESCAPE = re.compile(r"\\(.)")
_SPACE = re.compile(r"\s*")
_MAX_REGEX = 2


@lru_cache(128)
def compile_pattern(text: str) -> Matcher:
    """The matcher of a pattern; the empty one matches everything. Raises PatternError."""
    stripped = text.strip()
    if not stripped:
        return _everything
    if stripped[0] == "{":
        if stripped[-1] != "}":
            raise PatternError("If a filter pattern starts with '{' it must end with '}'")
        return jsonpath.compile_json(stripped[1:-1])
    if stripped[0] == "[":
        if stripped[-1] != "]":
            raise PatternError("If a filter pattern starts with '[' it must end with ']'")
        return fields.compile_fields(stripped[1:-1])
    return _terms(stripped)


def _everything(_message: str) -> bool:
    return True


def _terms(text: str) -> Matcher:
    wanted: list[Matcher] = []
    unwanted: list[Matcher] = []
    either: list[Matcher] = []
    kinds = {"": wanted, "-": unwanted, "?": either}
    at = expressions = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise PatternError(f"Invalid character(s) in term '{text[at:].split(maxsplit=1)[0]}'")
        sign, quoted, expression, bare = found.groups()
        expressions += expression is not None
        if expressions > _MAX_REGEX:
            raise PatternError("Invalid filter pattern")
        kinds[sign].append(_term(found[0], quoted, expression, bare))
        at = _end_of_space(text, found.end())
    if wanted:
        # Required terms take the meaning from optional ones: AWS ignores the latter.
        either = []

    def matches(message: str) -> bool:
        return (
            all(term(message) for term in wanted)
            and not any(term(message) for term in unwanted)
            and (not either or any(term(message) for term in either))
        )

    return wanted[0] if len(wanted) == 1 and not unwanted else matches


def _term(text: str, quoted: str | None, expression: str | None, bare: str | None) -> Matcher:
    if expression is not None:
        return Regex(expression).search
    if quoted is not None:
        word = _ESCAPE.sub(r"\1", quoted)
    else:
        assert bare is not None
        word = bare
        if not word.replace("_", "a").isalnum():
            raise PatternError(f"Invalid character(s) in term '{text}'")
    if not word:
        raise PatternError(f"Invalid character(s) in term '{text}'")
    return lambda message: word in message


def _end_of_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()
