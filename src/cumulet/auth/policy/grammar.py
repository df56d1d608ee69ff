"""What is no policy, and what IAM and S3 say of it: the checks that a document passes before it is compiled.

IAM looks at an identity policy in passes (form, version, dates and effects, Sids, resources, actions), so that of several
faults it names that of the earliest pass; trust policies and resource policies are read statement by statement. Sources:
IAM User Guide, 'Grammar of the IAM JSON policy language', 'IAM JSON policy elements reference'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from .conditions import UnknownOperator, is_date, operator_of
from .match import split_arn

Kind = Literal["identity", "trust", "resource"]
"""Where a policy is attached: to a user, group or role; to a role as its trust policy; to a resource."""

CURRENT: Final = "2012-10-17"
_VERSIONS: Final = (CURRENT, "2008-10-17")
_TOP: Final = frozenset(("Version", "Id", "Statement"))
_ELEMENTS: Final = frozenset(
    ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition")
)
_PAIRS: Final = ("Action", "Resource", "Principal")
_PRINCIPALS: Final = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))
_EFFECTS: Final = ("Allow", "Deny")
_TRUST_ACTIONS: Final = frozenset(
    (
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:assumeroot",
        "sts:setcontext",
        "sts:setsourceidentity",
        "sts:tagsession",
    )
)

_is_vendor: Final = re.compile(r"[A-Za-z0-9.-]+").fullmatch
_is_service: Final = re.compile(r"[a-z0-9.\-]+\.(amazonaws\.com(\.cn)?|amazon\.com|internal)").fullmatch
_is_principal: Final = re.compile(
    r"\d{12}|A[A-Z0-9]{15,}|arn:[a-z\-]+:(iam|sts)::\d{12}:[^*?]+|arn:aws:iam::cloudfront:user/[^*?]+", re.ASCII
).fullmatch
_is_partition: Final = re.compile(r"aws(-[a-z0-9-]+)?|[a-z-]*[*?$].*").fullmatch
_is_account: Final = re.compile(r"[0-9]*|aws|.*[*?$].*", re.ASCII).fullmatch

SYNTAX: Final = "Syntax errors in policy."
_LEGACY: Final = "The policy failed legacy parsing"
_VERSION: Final = "Policy document must be version 2012-10-17 or greater."
_SID: Final = (
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
_VENDOR: Final = "Resource vendor must be fully qualified and cannot contain regexes."
_IAM_PATHS: Final = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)


class Fault(Exception):
    """A document is malformed; the message is AWS's."""


def check(document: Any, kind: Kind) -> list[dict[str, Any]]:
    """The statements of a document that is well formed. Raises Fault."""
    if kind == "identity":
        return _identity(document)
    return _attached(document, kind)


def texts(value: Any) -> list[str]:
    """A string or a list of strings, as a list. Raises Fault."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise Fault(SYNTAX)
    return values


def scalars(value: Any) -> list[str]:
    """Condition values: strings, numbers and booleans, one or many, as the strings that they are compared as. Raises Fault."""
    values = value if isinstance(value, list) else [value]
    out = []
    for one in values:
        if isinstance(one, bool):
            out.append("true" if one else "false")
        elif isinstance(one, str | int | float):
            out.append(str(one))
        else:
            raise Fault(SYNTAX)
    return out


# identity policies


def _identity(document: Any) -> list[dict[str, Any]]:
    statements = _form(document)
    if document.get("Version", _VERSIONS[1]) != CURRENT:
        raise Fault(_VERSION)
    for statement in statements:
        _legacy(statement)
    for statement in statements:
        if not re.fullmatch("[A-Za-z0-9]*", statement.get("Sid", "")):
            raise Fault(_SID)
    _unique(statements, "Statement IDs (SID) in a single policy must be unique.")
    if any("Principal" in statement or "NotPrincipal" in statement for statement in statements):
        raise Fault("Policy document should not specify a principal.")
    for element in ("Resource", "NotResource"):
        for statement in statements:
            for text in texts(statement.get(element, [])):
                _resource(text)
    for statement in statements:
        for name in _names(statement):
            _action(name)
    for name in ("Action", "Resource"):
        for statement in statements:
            if not statement.get(name) and not statement.get("Not" + name):
                raise Fault(f"Policy statement must contain {name.lower()}s.")
    return statements


def _form(document: Any) -> list[dict[str, Any]]:
    """The statements, if every element has a form that it may have."""
    if not isinstance(document, dict) or not document.keys() <= _TOP:
        raise Fault(SYNTAX)
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements or not isinstance(document.get("Id", ""), str):
        raise Fault(SYNTAX)
    if document.get("Version", CURRENT) not in _VERSIONS:
        raise Fault(SYNTAX)
    for statement in statements:
        if not isinstance(statement, dict) or not statement.keys() <= _ELEMENTS:
            raise Fault(SYNTAX)
        effect = statement.get("Effect")
        if not isinstance(effect, str) or effect.capitalize() not in _EFFECTS:
            raise Fault(SYNTAX)
        if not isinstance(statement.get("Sid", ""), str):
            raise Fault(SYNTAX)
        _one_of_each(statement)
        for name in ("Action", "NotAction", "Resource", "NotResource"):
            texts(statement.get(name, []))
        for operator, _, _ in conditions(statement.get("Condition", {})):
            _operator(operator, SYNTAX)
    return statements


def conditions(value: Any) -> Iterator[tuple[str, str, list[str]]]:
    """Operator, key and values of every test in a Condition element. Raises Fault."""
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise Fault(SYNTAX)
    for operator, keys in value.items():
        for key, values in keys.items():
            yield operator, key, scalars(values)


def _operator(operator: str, message: str) -> None:
    try:
        operator_of(operator)
    except UnknownOperator:
        raise Fault(message) from None


def _legacy(statement: dict[str, Any]) -> None:
    """What IAM's older parser, which reads the document too, refuses."""
    if statement["Effect"] not in _EFFECTS:
        raise Fault(_LEGACY)
    for operator, _, values in conditions(statement.get("Condition", {})):
        if operator_of(operator).name.startswith("date") and not all(is_date(value) for value in values):
            raise Fault(_LEGACY)
    for text in texts(statement.get("Resource", [])) + texts(statement.get("NotResource", [])):
        parts = split_arn(text)
        if len(parts) < 3 or not _is_partition(parts[1]):
            continue
        if not parts[2] or (len(parts) == 5 and not _is_account(parts[4])):
            raise Fault(_LEGACY)


def _unique(statements: list[dict[str, Any]], message: str) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        raise Fault(message)


def _one_of_each(statement: dict[str, Any]) -> None:
    if any(name in statement and "Not" + name in statement for name in _PAIRS):
        raise Fault(SYNTAX)


def _resource(text: str) -> None:
    if text == "*":
        return
    parts = split_arn(text)
    if len(parts) == 1:
        raise Fault(f'Resource {text} must be in ARN format or "*".')
    whole = [*parts, *"*" * (6 - len(parts))]
    if not _is_partition(parts[1]):
        raise Fault(f'Partition "{parts[1]}" is not valid for resource "{":".join(["arn", *whole[1:]])}".')
    if len(parts) == 2 or "*" in parts[2] or "?" in parts[2]:
        raise Fault(_VENDOR)
    if parts[0] != "arn":
        raise Fault(f'Resource {text} must be in ARN format or "*".')
    region, account, rest = whole[3:]
    if parts[2] == "iam":
        if region not in ("", "*"):
            raise Fault(f"IAM resource {text} cannot contain region information.")
        if rest[:1] not in ("*", "?", "$") and not rest.startswith(_IAM_PATHS):
            raise Fault(f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.')
    elif parts[2] == "s3" and region not in ("", "*") and not account:
        raise Fault(f"Resource {text} can not contain region information.")


def _names(statement: dict[str, Any]) -> list[str]:
    return texts(statement.get("NotAction" if "NotAction" in statement else "Action", []))


def _action(name: str) -> None:
    if name == "*":
        return
    vendor, colon, action = name.partition(":")
    if not colon:
        raise Fault("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
    if ":" in action:
        raise Fault("Actions/Condition can contain only one colon.")
    if not _is_vendor(vendor):
        raise Fault(f"Vendor {vendor} is not valid")
    if not action:
        raise Fault(SYNTAX)


# trust policies and resource policies


def _attached(document: Any, kind: Kind) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise Fault(SYNTAX)
    _known(document, _TOP)
    if document.get("Version", CURRENT) not in _VERSIONS:
        raise Fault("The policy must contain a valid version string")
    if "Statement" not in document:
        raise Fault("Missing required field Statement")
    statements = document["Statement"]
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not isinstance(document.get("Id", ""), str):
        raise Fault(SYNTAX)
    if not statements:
        raise Fault("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _attached_statement(statement, kind)
    _unique(statements, "The Statement Ids in the policy are not unique")
    return statements


def _known(value: dict[str, Any], names: frozenset[str]) -> None:
    for name in value:
        if name not in names:
            raise Fault(f"Unknown field {name}")


def _attached_statement(statement: Any, kind: Kind) -> None:
    if not isinstance(statement, dict):
        raise Fault(SYNTAX)
    _known(statement, _ELEMENTS)
    _one_of_each(statement)
    effect = statement.get("Effect")
    if effect not in _EFFECTS:
        raise Fault(f"Invalid effect: {effect}" if isinstance(effect, str) else "Missing required field Effect")
    if not isinstance(statement.get("Sid", ""), str):
        raise Fault(SYNTAX)
    names = _names(statement)
    if not names:
        raise Fault("Missing required field Action")
    for name in names:
        if kind == "trust":
            _trust_action(name)
        _action(name)
    for element in ("Resource", "NotResource"):
        if element in statement:
            if kind == "trust":
                raise Fault(f"Has prohibited field {element}")
            if not texts(statement[element]):
                raise Fault("Policy statement must contain resources.")
    _principal(statement, kind)
    for operator, _, _ in conditions(statement.get("Condition") or {}):
        _operator(operator, f"Invalid Condition type : {operator}")


def _trust_action(name: str) -> None:
    lowered = name.lower()
    if not lowered.startswith("sts:") or not ("*" in name or "?" in name or lowered in _TRUST_ACTIONS):
        raise Fault("AssumeRole policy may only specify STS AssumeRole actions.")


def _principal(statement: dict[str, Any], kind: Kind) -> None:
    value = statement.get("NotPrincipal" if "NotPrincipal" in statement else "Principal")
    if value is None:
        raise Fault("Missing required field Principal")
    if value == "*":
        if kind == "trust":
            raise Fault('AssumeRolepolicy contained an invalid principal: "STAR":"*".')
        return
    if not isinstance(value, dict) or not value or not value.keys() <= _PRINCIPALS:
        raise Fault("Invalid principal in policy")
    for sort, spelled, valid in (("AWS", "AWS", _is_principal), ("Service", "SERVICE", _is_service)):
        for name in texts(value.get(sort, [])):
            if not valid(name) and not (sort == "AWS" and name == "*"):
                told = f': "{spelled}":"{name}"' if kind == "trust" else ""
                raise Fault(f"Invalid principal in policy{told}")
    for sort in ("Federated", "CanonicalUser"):
        texts(value.get(sort, []))
