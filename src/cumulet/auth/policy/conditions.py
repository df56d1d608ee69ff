"""The Condition element: every operator, `…IfExists`, `ForAllValues:` and `ForAnyValue:`.

Sources: IAM User Guide, 'IAM JSON policy elements: Condition operators' and 'Set operators for multivalued context
keys'.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any, Literal, NamedTuple, TypeAlias

from .match import Context, Matcher, pattern, split_arn

Quantifier = Literal["", "forallvalues", "foranyvalue"]
_Compile: TypeAlias = Callable[[str, bool], Matcher]
_is_number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII).fullmatch
_is_epoch = re.compile(r"-?\d{5,}(\.\d+)?", re.ASCII).fullmatch


class UnknownOperator(ValueError):
    """A condition operator that IAM does not know."""


class Condition(NamedTuple):
    """One operator applied to one key; `tests` are its values compiled, of which any may match."""

    operator: str
    key: str
    tests: tuple[Matcher, ...]
    negated: bool
    quantifier: Quantifier
    if_exists: bool
    null: bool | None

    def __call__(self, context: Context) -> bool:
        values = context.get(self.key)
        if self.null is not None:
            return (not values) == self.null
        if not values:
            return self._without()
        if self.quantifier == "":
            return any(self._listed(value, context) for value in values) != self.negated
        if self.quantifier == "forallvalues" and values == [""]:
            # The documentation counts an empty string as no value at all.
            return True
        matches = (self._listed(value, context) != self.negated for value in values)
        return all(matches) if self.quantifier == "forallvalues" else any(matches)

    def _without(self) -> bool:
        if self.quantifier == "foranyvalue":
            return self.if_exists
        return self.if_exists or self.negated or self.quantifier == "forallvalues"

    def _listed(self, value: str, context: Context) -> bool:
        return any(test(value, context) for test in self.tests)


class Operator(NamedTuple):
    """An operator's name taken apart: `ForAnyValue:StringLikeIfExists` is `stringlike`, `foranyvalue`, True."""

    name: str
    quantifier: Quantifier
    if_exists: bool


@lru_cache(256)
def operator_of(text: str) -> Operator:
    """Read the name of an operator. Raises UnknownOperator."""
    prefix, colon, name = text.lower().rpartition(":")
    quantifier: Quantifier = ""
    if prefix == "forallvalues":
        quantifier = "forallvalues"
    elif prefix == "foranyvalue":
        quantifier = "foranyvalue"
    elif colon:
        raise UnknownOperator(text)
    if name == "null" and not colon:
        return Operator(name, "", False)
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name not in _OPERATORS:
        raise UnknownOperator(text)
    return Operator(name, quantifier, if_exists)


def compile_one(operator: str, key: str, values: list[str], variables: bool) -> Condition:
    """Compile `{operator: {key: values}}`. Raises UnknownOperator."""
    name, quantifier, if_exists = operator_of(operator)
    if name == "null":
        wanted = {value.lower() for value in values}
        if len(wanted) != 1 or not wanted <= {"true", "false"}:
            raise UnknownOperator(operator)
        return Condition(operator, key.lower(), (), False, "", False, wanted == {"true"})
    compiler, negated = _OPERATORS[name]
    tests = tuple(compiler(value, variables) for value in values)
    return Condition(operator, key.lower(), tests, negated, quantifier, if_exists, None)


def _string(*, wild: bool = False, fold: bool = False) -> _Compile:
    return lambda text, variables: pattern(text, wild=wild, fold=fold, variables=variables)


def _arn(text: str, variables: bool) -> Matcher:
    """Each of the six parts of an ARN is matched for itself."""
    if text == "*":
        return lambda value, _context: value.startswith("arn:")
    parts = [pattern(part, variables=variables) for part in split_arn(text)]

    def matches(value: str, context: Context) -> bool:
        found = value.split(":", 5)
        return len(found) == len(parts) == 6 and all(
            part(piece, context) for part, piece in zip(parts, found, strict=True)
        )

    return matches


def _ordered(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> _Compile:
    """Compare two values that `read` understands; what it does not understand matches nothing."""

    def compiler(text: str, _variables: bool) -> Matcher:
        bound = read(text)

        def matches(value: str, _context: Context) -> bool:
            found = read(value)
            return found is not None and bound is not None and compare(found, bound)

        return matches

    return compiler


def _number(text: str) -> Decimal | None:
    text = text.strip()
    if not _is_number(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond everything
        return None


def _date(text: str) -> datetime | None:
    """W3C's ISO 8601 forms (year, month, day, minute or second precision) or seconds since the epoch."""
    text = text.strip()
    try:
        if _is_epoch(text):
            return datetime.fromtimestamp(float(text), UTC)
        if re.fullmatch(r"\d{4}(-\d\d)?", text, re.ASCII):
            text += "-01" * (3 - len(text.split("-")))
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_date(text: str) -> bool:
    """Whether a condition may name this date; IAM takes any number of seconds that fits 64 bits."""
    return _date(text) is not None or (_is_epoch(text) is not None and abs(float(text)) < 2**63)


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().lower())


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _network(text: str, _variables: bool) -> Matcher:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return lambda _value, _context: False

    def matches(value: str, _context: Context) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return address.version == network.version and address in network

    return matches


def _all_operators() -> dict[str, tuple[_Compile, bool]]:
    operators: dict[str, tuple[_Compile, bool]] = {
        "stringequals": (_string(), False),
        "stringnotequals": (_string(), True),
        "stringequalsignorecase": (_string(fold=True), False),
        "stringnotequalsignorecase": (_string(fold=True), True),
        "stringlike": (_string(wild=True), False),
        "stringnotlike": (_string(wild=True), True),
        "bool": (_ordered(_boolean, eq), False),
        "binaryequals": (_ordered(_binary, eq), False),
        "ipaddress": (_network, False),
        "notipaddress": (_network, True),
        # ArnEquals and ArnLike behave identically, as the documentation says.
        "arnequals": (_arn, False),
        "arnlike": (_arn, False),
        "arnnotequals": (_arn, True),
        "arnnotlike": (_arn, True),
    }
    for kind, read in (("numeric", _number), ("date", _date)):
        operators[kind + "equals"] = (_ordered(read, eq), False)
        operators[kind + "notequals"] = (_ordered(read, eq), True)
        operators[kind + "lessthan"] = (_ordered(read, lt), False)
        operators[kind + "lessthanequals"] = (_ordered(read, le), False)
        operators[kind + "greaterthan"] = (_ordered(read, gt), False)
        operators[kind + "greaterthanequals"] = (_ordered(read, ge), False)
    return operators


_OPERATORS = _all_operators()
