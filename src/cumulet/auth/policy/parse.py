"""Policy documents: from JSON to something that can be asked, with IAM's complaints about what is none.

Sources: IAM User Guide, 'Grammar of the IAM JSON policy language' and 'IAM JSON policy elements reference'.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

from cumulet.base.errors import AwsError

from .conditions import Condition, UnknownOperator, compile_one
from .match import Actions, Principals, Resources

Kind = Literal["identity", "trust", "resource"]
"""Where a policy is attached: to a user, group or role; to a role as its trust policy; to a resource."""

CURRENT = "2012-10-17"
_VERSIONS = (CURRENT, "2008-10-17")
_TOP = frozenset(("Version", "Id", "Statement"))
_ELEMENTS = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)
_PRINCIPALS = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))
_is_vendor = re.compile(r"[A-Za-z0-9-]+").fullmatch
_is_action = re.compile(r"[A-Za-z0-9*?]+").fullmatch
_SYNTAX = "Syntax errors in policy."


class Statement(NamedTuple):
    """One compiled statement. `resources` and `principals` are None where the document has no such element."""

    sid: str
    allow: bool
    actions: Actions
    resources: Resources | None
    principals: Principals | None
    conditions: tuple[Condition, ...]
    source: dict[str, Any]


class Policy(NamedTuple):
    """A compiled document."""

    version: str
    id: str
    statements: tuple[Statement, ...]


class _Fault(Exception):
    """A document is malformed; the message is IAM's."""


@lru_cache(256)
def parse(text: str, kind: Kind, code: str = "MalformedPolicyDocument") -> Policy:
    """Compile a document's text. Raises AwsError `code` (400) with IAM's message."""
    try:
        document = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        message = _SYNTAX if kind == "identity" else "This policy contains invalid Json"
        raise AwsError(code, message, 400) from None
    return load(document, kind, code)


def load(document: Any, kind: Kind, code: str = "MalformedPolicyDocument") -> Policy:
    """Compile a document that is decoded already. Raises AwsError `code` (400)."""
    try:
        return _policy(document, kind)
    except _Fault as fault:
        raise AwsError(code, str(fault), 400) from None


def _policy(document: Any, kind: Kind) -> Policy:
    if not isinstance(document, dict) or not document.keys() <= _TOP:
        raise _Fault(_SYNTAX)
    version = document.get("Version", _VERSIONS[1])
    if version not in _VERSIONS:
        raise _Fault("Policy document must be version 2012-10-17 or greater." if kind == "identity" else _SYNTAX)
    if kind == "identity" and version != CURRENT:
        raise _Fault("Policy document must be version 2012-10-17 or greater.")
    policy_id = document.get("Id", "")
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(policy_id, str) or not isinstance(statements, list):
        raise _Fault(_SYNTAX)
    if not statements:
        raise _Fault(_SYNTAX if kind == "identity" else "Could not parse the policy: Statement is empty!")
    compiled = tuple(_statement(statement, kind, version == CURRENT) for statement in statements)
    sids = [statement.sid for statement in compiled if statement.sid]
    if len(sids) != len(set(sids)):
        raise _Fault("Statement IDs (SID) in a single policy must be unique.")
    return Policy(version, policy_id, compiled)


def _statement(source: Any, kind: Kind, variables: bool) -> Statement:
    if not isinstance(source, dict) or not source.keys() <= _ELEMENTS:
        raise _Fault(_SYNTAX)
    _only_one(source)
    effect = source.get("Effect")
    if effect not in ("Allow", "Deny"):
        if kind == "identity":
            raise _Fault(_SYNTAX)
        raise _Fault(f"Invalid effect: {effect}" if isinstance(effect, str) else "Missing required field Effect")
    sid = source.get("Sid", "")
    if not isinstance(sid, str) or (kind == "identity" and not re.fullmatch("[A-Za-z0-9]*", sid)):
        raise _Fault(_SYNTAX)
    return Statement(
        sid,
        effect == "Allow",
        _actions(source, kind),
        _resources(source, kind, variables),
        _principals(source, kind),
        _conditions(source.get("Condition"), kind, variables),
        source,
    )


def _only_one(source: dict[str, Any]) -> None:
    for name in ("Action", "Resource", "Principal"):
        if name in source and "Not" + name in source:
            raise _Fault(_SYNTAX)


def _texts(value: Any) -> list[str]:
    """A string or a list of strings, as a list."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise _Fault(_SYNTAX)
    return values


def _actions(source: dict[str, Any], kind: Kind) -> Actions:
    negated = "NotAction" in source
    names = _texts(source.get("NotAction" if negated else "Action", []))
    if not names:
        raise _Fault(
            "Policy statement must contain actions." if kind == "identity" else "Missing required field Action"
        )
    for name in names:
        vendor, colon, action = name.partition(":")
        if name == "*" and kind != "trust":
            continue
        if kind == "trust" and vendor.lower() != "sts":
            raise _Fault("AssumeRole policy may only specify STS AssumeRole actions.")
        if not colon:
            raise _Fault("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if ":" in action:
            raise _Fault("Actions/Condition can contain only one colon.")
        if not _is_vendor(vendor):
            raise _Fault(f"Vendor {vendor} is not valid")
        if not _is_action(action):
            raise _Fault(_SYNTAX)
    return Actions(names, negated)


def _resources(source: dict[str, Any], kind: Kind, variables: bool) -> Resources | None:
    negated = "NotResource" in source
    name = "NotResource" if negated else "Resource"
    if kind == "trust":
        if name in source:
            raise _Fault("Has prohibited field Resource")
        return None
    if name not in source and kind == "resource":
        return None
    patterns = _texts(source.get(name, []))
    if not patterns:
        raise _Fault("Policy statement must contain resources.")
    for text in patterns:
        if kind == "identity" and text != "*" and not _is_arn_pattern(text):
            raise _Fault(f'Resource {text} must be in ARN format or "*".')
    return Resources(patterns, negated, variables)


def _is_arn_pattern(text: str) -> bool:
    # A variable or a wildcard may stand for the rest of an ARN: `arn:aws:s3:::*`, `arn:*`.
    parts = text.split(":", 5)
    return parts[0] == "arn" and (len(parts) == 6 or text.endswith("*"))


def _principals(source: dict[str, Any], kind: Kind) -> Principals | None:
    negated = "NotPrincipal" in source
    name = "NotPrincipal" if negated else "Principal"
    if kind == "identity":
        if name in source:
            raise _Fault("Policy document should not specify a principal.")
        return None
    value = source.get(name)
    if value is None:
        raise _Fault("Missing required field Principal")
    if value == "*":
        return Principals({"AWS": ["*"]}, negated)
    if not isinstance(value, dict) or not value or not value.keys() <= _PRINCIPALS:
        raise _Fault("Invalid principal in policy")
    by_kind = {kind_: _texts(names) for kind_, names in value.items()}
    for name_ in by_kind.get("AWS", ()):
        if name_ != "*" and not _is_aws_principal(name_):
            raise _Fault(f'Invalid principal in policy: "AWS":"{name_}"')
    for name_ in by_kind.get("Service", ()):
        if not re.fullmatch(r"[a-z0-9.\-]+\.(amazonaws\.com(\.cn)?|amazon\.com|internal)", name_):
            raise _Fault(f'Invalid principal in policy: "SERVICE":"{name_}"')
    return Principals(by_kind, negated)


def _is_aws_principal(name: str) -> bool:
    if re.fullmatch(r"\d{12}", name, re.ASCII) or re.fullmatch(r"A[A-Z0-9]{15,}", name):
        return True
    return re.fullmatch(r"arn:[a-z\-]+:(iam|sts)::\d{12}:[^*?]+", name, re.ASCII) is not None


def _conditions(value: Any, kind: Kind, variables: bool) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise _Fault(_SYNTAX)
    compiled = []
    for operator, keys in value.items():
        if not isinstance(keys, dict):
            raise _Fault(_SYNTAX)
        for key, values in keys.items():
            try:
                compiled.append(compile_one(operator, key, _scalars(values), variables))
            except UnknownOperator:
                message = _SYNTAX if kind == "identity" else f"Invalid Condition type : {operator}"
                raise _Fault(message) from None
    return tuple(compiled)


def _scalars(value: Any) -> list[str]:
    """Condition values: strings, numbers and booleans, one or many, as the strings that they are compared as."""
    values = value if isinstance(value, list) else [value]
    out = []
    for one in values:
        if isinstance(one, bool):
            out.append("true" if one else "false")
        elif isinstance(one, str | int | float):
            out.append(str(one))
        else:
            raise _Fault(_SYNTAX)
    return out
