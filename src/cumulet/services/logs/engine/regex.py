"""Regular expressions of filter patterns, matched in time linear in the message whatever the expression.

The language is the small one of CloudWatch Logs: no groups, so an expression is a choice of chains of character sets,
and all places where a match may stand are the bits of one integer (the extended Shift-And of Navarro and Raffinot,
'Flexible Pattern Matching in Strings'). Integers that were met are kept with their transitions, which makes the common
case one table look-up per character. Python's own `re` backtracks and could hold the server for minutes.
Source of the language: CloudWatch Logs User Guide, 'Filter pattern syntax'.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import PatternError

_OTHER = 128
"""The class of every character outside ASCII: expressions cannot tell them apart."""

_SIZE = 129
_ALL = (1 << _SIZE) - 1
_MAX_PLACES = 1000
_MAX_STATES = 256
_SYMBOLS = ":_#=@/;,-"
_OPERATORS = "^$?[]{}|\\*+."
_NOT_ASCII = re.compile("[^\x00-\x7f]")
_REPEAT = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")


def _mask(text: str) -> int:
    mask = 0
    for char in text:
        mask |= 1 << ord(char)
    return mask


_DIGITS = _mask("0123456789")
_SPACES = _mask(" \t\n\r\f\v")
_WORDS = _mask("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CLASSES = {
    "d": _DIGITS,
    "D": _ALL & ~_DIGITS,
    "s": _SPACES,
    "S": _ALL & ~_SPACES,
    "w": _WORDS,
    "W": _ALL & ~_WORDS,
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"}
_DOT = _ALL & ~_mask("\n")


class _Piece(NamedTuple):
    """One step of an alternative: a set of characters (or `^`, `$`), to be met between `low` and `high` times."""

    chars: int | str
    low: int
    high: int | None


class _State:
    """A set of places, as bits, with the transitions that were needed so far."""

    __slots__ = ("accepts", "bits", "table")

    def __init__(self, bits: int, accepts: bool) -> None:
        self.bits = bits
        self.accepts = accepts
        self.table: list[_State | None] = [None] * _SIZE


class Regex:
    """A compiled expression. Raises PatternError for what CloudWatch Logs does not take.

    Of every alternative bit 0 means that nothing was met yet, bit n that its first n places were. `_optional` are the
    places that may be left out, in runs with a bit before (`_before`) and a last bit (`_last`).
    """

    def __init__(self, text: str) -> None:
        self._meets = [0] * _SIZE
        self._repeats = [0] * _SIZE
        self._optional = self._before = self._last = 0
        self._starts = self._starts_anywhere = 0
        self._accept = self._accept_at_end = 0
        self._size = 0
        for pieces in _Parser(text).alternatives():
            self._add(pieces)
        optional = self._optional
        self._before = (optional & ~(optional << 1)) >> 1
        self._last = optional & ~(optional >> 1)
        self._starts_anywhere = self._skip(self._starts_anywhere)
        self._states: dict[int, _State] = {}
        self._first = self._state(self._skip(self._starts) | self._starts_anywhere)

    def search(self, message: str) -> bool:
        """Whether the expression matches somewhere in `message`."""
        state = self._first
        if state.accepts:
            return True
        if not message.isascii():
            message = _NOT_ASCII.sub("\x80", message)
        for code in message.encode("latin-1"):
            following = state.table[code] or self._step(state, code)
            if following.accepts:
                return True
            state = following
        return bool(state.bits & self._accept_at_end)

    def _step(self, state: _State, code: int) -> _State:
        met = (state.bits << 1 & self._meets[code]) | (state.bits & self._repeats[code])
        following = self._state(self._skip(met) | self._starts_anywhere)
        state.table[code] = following
        return following

    def _skip(self, bits: int) -> int:
        # Subtracting borrows through each run of optional places up to the first bit that is set: what lies above it
        # stays as it was, and is reached by leaving places out.
        filled = bits | self._last
        return bits | (self._optional & (~(filled - self._before) ^ filled))

    def _state(self, bits: int) -> _State:
        found = self._states.get(bits)
        if found is None:
            if len(self._states) >= _MAX_STATES:
                self._states.clear()
                self._first.table = [None] * _SIZE
                self._states[self._first.bits] = self._first
            found = self._states[bits] = _State(bits, bool(bits & self._accept))
        return found

    def _add(self, pieces: list[_Piece]) -> None:
        anchored = bool(pieces) and pieces[0].chars == "^"
        at_end = bool(pieces) and pieces[-1].chars == "$"
        chain = pieces[anchored : len(pieces) - at_end]
        if any(isinstance(piece.chars, str) for piece in chain):
            return  # an anchor amid characters: this alternative never matches
        start = 1 << self._size
        self._size += 1
        for piece in chain:
            self._add_piece(piece)
        last = 1 << (self._size - 1)
        if anchored:
            self._starts |= start
        else:
            self._starts_anywhere |= start
        if at_end:
            self._accept_at_end |= last
        else:
            self._accept |= last

    def _add_piece(self, piece: _Piece) -> None:
        chars = piece.chars
        assert isinstance(chars, int)
        most = piece.high if piece.high is not None else max(piece.low, 1)
        if self._size + most > _MAX_PLACES:
            raise PatternError("Invalid filter pattern")
        for n in range(most):
            place = 1 << self._size
            self._size += 1
            if n >= piece.low:
                self._optional |= place
            endless = piece.high is None and n == most - 1
            for code in range(_SIZE):
                if chars >> code & 1:
                    self._meets[code] |= place
                    self._repeats[code] |= place if endless else 0


class _Parser:
    """Reads an expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def bad(self) -> PatternError:
        return PatternError(f"Invalid character(s) in term '%{self.text}%'")

    def alternatives(self) -> list[list[_Piece]]:
        if not self.text:
            raise self.bad()
        found: list[list[_Piece]] = [[]]
        while self.at < len(self.text):
            if self.text[self.at] == "|":
                self.at += 1
                found.append([])
            else:
                found[-1].append(self._piece())
        return found

    def _piece(self) -> _Piece:
        chars = self._atom()
        low, high = self._times()
        if isinstance(chars, str) and (low, high) != (1, 1):
            raise self.bad()
        return _Piece(chars, low, high)

    def _atom(self) -> int | str:
        char = self.text[self.at]
        self.at += 1
        if char in "^$":
            return char
        if char == ".":
            return _DOT
        if char == "[":
            return self._set()
        if char == "\\":
            return self._escape()
        if (char.isascii() and char.isalnum()) or char in _SYMBOLS:
            return 1 << ord(char)
        raise self.bad()

    def _escape(self) -> int:
        if self.at >= len(self.text):
            raise self.bad()
        char = self.text[self.at]
        self.at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char == "x":
            digits = self.text[self.at : self.at + 2]
            self.at += 2
            if not re.fullmatch("[0-7][0-9A-Fa-f]", digits):
                raise self.bad()
            return 1 << int(digits, 16)
        if char in _CONTROLS:
            return 1 << ord(_CONTROLS[char])
        if char in _OPERATORS or char in _SYMBOLS:
            return 1 << ord(char)
        raise self.bad()

    def _set(self) -> int:
        negated = self.text[self.at : self.at + 1] == "^"
        self.at += negated
        mask = 0
        first = True
        while self.text[self.at : self.at + 1] != "]" or first:
            low = self._member()
            first = False
            high = low
            ranged = self.text[self.at : self.at + 1] == "-" and self.text[self.at + 1 : self.at + 2] not in ("", "]")
            if ranged:
                self.at += 1
                high = self._member()
            if low & (low - 1) == 0 and high & (high - 1) == 0:
                if high < low:
                    raise self.bad()
                mask |= (high << 1) - low
            elif ranged:
                raise self.bad()
            else:
                mask |= low
        self.at += 1
        return _ALL & ~mask if negated else mask

    def _member(self) -> int:
        if self.at >= len(self.text):
            raise self.bad()
        char = self.text[self.at]
        self.at += 1
        if char == "\\":
            return self._escape()
        if (char.isascii() and char.isalnum()) or char in _SYMBOLS or char in _OPERATORS:
            return 1 << ord(char)
        raise self.bad()

    def _times(self) -> tuple[int, int | None]:
        char = self.text[self.at : self.at + 1]
        low, high = 1, 1
        found: tuple[int, int | None] = (low, high)
        if char and char in "?*+":
            self.at += 1
            found = {"?": (0, 1), "*": (0, None), "+": (1, None)}[char]
        elif char == "{":
            repeat = _REPEAT.match(self.text, self.at)
            if repeat is None:
                raise self.bad()
            self.at = repeat.end()
            low = int(repeat[1])
            most = int(repeat[3]) if repeat[3] else None
            found = (low, low if repeat[2] is None else most)
            if found[1] is not None and found[1] < low:
                raise self.bad()
        else:
            return found
        if self.text[self.at : self.at + 1] == "?":
            self.at += 1  # a lazy quantifier matches the same messages
        return found
