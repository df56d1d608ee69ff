"""What-if questions: the decision on a request, every statement that matched, and the condition keys that were not given.

Sources: IAM API Reference, 'SimulateCustomPolicy', 'SimulatePrincipalPolicy', 'GetContextKeysForCustomPolicy'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from .authorise import Authority, Verdict, authorise
from .evaluate import AuthRequest, applies
from .match import ESCAPES
from .model import Named, Policy, Statement

Outcome = Literal["allowed", "explicitDeny", "implicitDeny"]

_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_SPACE: Final = re.compile(r"[ \t\r\n]*")


class Simulation(NamedTuple):
    """An EvaluationResult. `matched` is every statement that fits the request; `missing_keys` are spelled as policies spell
    them.
    """

    decision: Outcome
    matched: list[tuple[Named, Statement]]
    missing_keys: list[str]
    verdict: Verdict


class Place(NamedTuple):
    """A position in a document's text: line and column, both counted from 1."""

    line: int
    column: int


def simulate(
    request: AuthRequest, authority: Authority, resource_policy: Named | None, resource_account: str
) -> Simulation:
    """Decide without doing."""
    verdict = authorise(request, authority, resource_policy=resource_policy, resource_account=resource_account)
    policies = [*authority.identity, *(authority.boundary or ()), *(authority.session or ())]
    if resource_policy is not None:
        policies.append(resource_policy)
    asked = [(named, statement) for named in policies for statement in _about(named.policy, request.action)]
    matched = [(named, statement) for named, statement in asked if applies(statement, request)]
    missing = _unknown((statement for _, statement in asked), request)
    return Simulation(_outcome(verdict), matched, missing, verdict)


def context_keys(policies: Iterable[Policy]) -> list[str]:
    """The condition keys that policies read, in conditions and in variables, each once, in the order of their first use."""
    keys: dict[str, str] = {}
    for policy in policies:
        for statement in policy.statements:
            for key in _keys(statement.source, policy.version):
                keys.setdefault(key.lower(), key)
    return list(keys.values())


def positions(text: str) -> list[tuple[Place, Place]]:
    """Where each statement of a document begins and ends (behind its last character). The text has been parsed before."""
    at = _SPACE.match(text, _value_of_statement(text)).end()  # type: ignore[union-attr]
    if text[at] == "{":
        spans = [(at, json.JSONDecoder().raw_decode(text, at)[1])]
    else:
        spans = list(_elements(text, at + 1))
    return [(_place(text, start), _place(text, end)) for start, end in spans]


def _outcome(verdict: Verdict) -> Outcome:
    if verdict.allowed:
        return "allowed"
    return "explicitDeny" if verdict.explicit_deny else "implicitDeny"


def _about(policy: Policy, action: str) -> tuple[Statement, ...]:
    denies, allows = policy.about(action)
    return denies + allows


def _unknown(statements: Iterable[Statement], request: AuthRequest) -> list[str]:
    missing: dict[str, str] = {}
    for statement in statements:
        for key in _keys(statement.source, "2012-10-17"):
            if request.context.get(key.lower()) is None:
                missing.setdefault(key.lower(), key)
    return list(missing.values())


def _keys(source: dict[str, Any], version: str) -> Iterator[str]:
    condition = source.get("Condition") or {}
    for tests in condition.values():
        yield from tests
    if version == "2012-10-17":
        for text in _texts([source.get("Resource"), source.get("NotResource"), condition]):
            for found in _VARIABLE.finditer(text):
                name = found[1].partition(",")[0].strip()
                if name and name not in ESCAPES:
                    yield name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _value_of_statement(text: str) -> int:
    """Where the value of the member Statement begins."""
    decoder = json.JSONDecoder()
    at = text.index("{") + 1
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if text[at] == ",":
            at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
        name, at = decoder.raw_decode(text, at)
        at = text.index(":", at) + 1
        if name == "Statement":
            return at
        _, at = decoder.raw_decode(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]


def _elements(text: str, at: int) -> Iterator[tuple[int, int]]:
    decoder = json.JSONDecoder()
    while True:
        at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
        if text[at] == "]":
            return
        if text[at] == ",":
            at = _SPACE.match(text, at + 1).end()  # type: ignore[union-attr]
        start = at
        _, at = decoder.raw_decode(text, start)
        yield start, at


def _place(text: str, offset: int) -> Place:
    before = text.count("\n", 0, offset)
    return Place(before + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)
