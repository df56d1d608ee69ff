"""Policy documents: from JSON to something that can be asked, with AWS's complaints about what is none.

What is malformed is said in `grammar`; what is compiled is described in `model`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from cumulet.base.errors import AwsError

from .conditions import Condition, UnknownOperator, compile_one
from .grammar import CURRENT, SYNTAX, Fault, Kind, check, conditions, texts
from .match import Actions, Resources, split_arn
from .model import Named, Policy, Statement
from .principals import Principals

__all__ = ["Kind", "Named", "Policy", "Statement", "load", "parse"]

_INVALID = "This policy contains invalid Json"


@lru_cache(256)
def parse(text: str, kind: Kind, code: str = "MalformedPolicyDocument") -> Policy:
    """Compile a document's text. Raises AwsError `code` (400) with IAM's message."""
    try:
        document = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        message = SYNTAX if kind == "identity" else _INVALID
        if kind == "resource" and not text.startswith("{"):
            message = "Policies must be valid JSON and the first byte must be '{'"
        raise AwsError(code, message, 400) from None
    return load(document, kind, code)


def load(document: Any, kind: Kind, code: str = "MalformedPolicyDocument") -> Policy:
    """Compile a document that is decoded already. Raises AwsError `code` (400)."""
    try:
        statements = check(document, kind)
        version = document.get("Version", "2008-10-17")
        compiled = tuple(_statement(statement, kind, version == CURRENT) for statement in statements)
        return Policy(version, document.get("Id", ""), compiled)
    except Fault as fault:
        raise AwsError(code, str(fault), 400) from None


def _statement(source: dict[str, Any], kind: Kind, variables: bool) -> Statement:
    negated = "NotAction" in source
    return Statement(
        source.get("Sid", ""),
        source["Effect"] == "Allow",
        Actions(texts(source["NotAction" if negated else "Action"]), negated),
        _resources(source, kind, variables),
        _principals(source),
        _conditions(source, kind, variables),
        source,
    )


def _resources(source: dict[str, Any], kind: Kind, variables: bool) -> Resources | None:
    negated = "NotResource" in source
    name = "NotResource" if negated else "Resource"
    if name not in source:
        return None
    patterns = texts(source[name])
    if kind == "identity":
        patterns = [_whole(text) for text in patterns]
    return Resources(patterns, negated, variables)


def _whole(text: str) -> str:
    """An ARN of an identity policy may stop early: the parts that are missing may be any."""
    missing = 6 - len(split_arn(text))
    return text if text == "*" or missing <= 0 else text + ":*" * missing


def _principals(source: dict[str, Any]) -> Principals | None:
    negated = "NotPrincipal" in source
    value = source.get("NotPrincipal" if negated else "Principal")
    if value is None:
        return None
    by_kind = {"AWS": ["*"]} if value == "*" else {kind: texts(names) for kind, names in value.items()}
    return Principals(by_kind, negated, source["Effect"] == "Deny")


def _conditions(source: dict[str, Any], kind: Kind, variables: bool) -> tuple[Condition, ...]:
    compiled = []
    for operator, key, values in conditions(source.get("Condition") or {}):
        try:
            compiled.append(compile_one(operator, key, values, variables))
        except UnknownOperator:
            raise Fault(SYNTAX if kind == "identity" else f"Invalid Condition type : {operator}") from None
    return tuple(compiled)
