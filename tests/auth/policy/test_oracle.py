"""The whole evaluation against a second one: slow, written from the documentation's flow chart, reading the raw documents.

The oracle shares no code with what it judges: it interprets JSON anew for each request, with regular expressions, in the order
in which the IAM User Guide tells the story ('How AWS enforcement code logic evaluates requests to allow or deny access').
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.auth.policy.authorise import Authority, Verdict, authorise, denial
from cumulet.auth.policy.evaluate import AuthRequest, applies
from cumulet.auth.policy.explain import explain, lines
from cumulet.auth.policy.model import Named
from cumulet.auth.policy.parse import load
from cumulet.auth.policy.simulate import simulate
from cumulet.base.context import ANONYMOUS, Principal, root, service

Json = dict[str, Any]
Keys = dict[str, list[str]]

HOME, AWAY = "111122223333", "444455556666"
BOB = Principal("federated", HOME, f"arn:aws:sts::{HOME}:federated-user/bob", f"{HOME}:bob", "ann", "bob")
CALLERS = [
    Principal("user", HOME, f"arn:aws:iam::{HOME}:user/ann", "AIDAANNANNANNANNANNA", "ann"),
    Principal("user", AWAY, f"arn:aws:iam::{AWAY}:user/ann", "AIDAAWAYAWAYAWAYAWAY", "ann"),
    Principal("role", HOME, f"arn:aws:sts::{HOME}:assumed-role/app/s1", "AROAAPPAPPAPPAPPAPPA:s1", "app", "s1"),
    BOB,
    root(HOME),
    root(AWAY),
    service("s3.amazonaws.com", HOME, "arn:aws:s3:::b"),
    Principal("federated", "", "accounts.google.com", "1133", "accounts.google.com"),
    ANONYMOUS,
]
WHO = [
    "*",
    HOME,
    AWAY,
    f"arn:aws:iam::{HOME}:root",
    f"arn:aws:iam::{HOME}:user/ann",
    f"arn:aws:iam::{AWAY}:user/ann",
    f"arn:aws:iam::{HOME}:role/app",
    f"arn:aws:iam::{HOME}:role/path/app",
    f"arn:aws:iam::{HOME}:role/application",
    f"arn:aws:sts::{HOME}:assumed-role/app/s1",
    f"arn:aws:sts::{HOME}:assumed-role/app/s2",
    f"arn:aws:sts::{HOME}:federated-user/bob",
    "AROAAPPAPPAPPAPPAPPA",
    "AIDAANNANNANNANNANNA",
]
ACTIONS = ["s3:GetObject", "s3:PutObject", "sts:AssumeRole", "S3:GETOBJECT"]
ACTION_PATTERNS = [
    "*",
    "s3:*",
    "s3:Get*",
    "S3:getobject",
    "s3:?etObject",
    "s3:P*t*",
    "sts:AssumeRole",
    "iam:*",
    "s3:*Object",
]
RESOURCES = ["arn:aws:s3:::b/k", "arn:aws:s3:::b/ann/k", "arn:aws:s3:::c", "arn:aws:s3:::b/*", "*"]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/k",
    "arn:aws:s3:::?",
    "arn:aws:s3:::b/${aws:username}/*",
    "arn:aws:s3:::b/${x:none, 'k'}",
    "arn:aws:s3:::b/${*}",
    "arn:aws:s3:::${x:one}/*",
]
KEYS = ["aws:username", "x:one", "x:many", "x:none", "x:when", "x:size", "x:flag", "x:ip", "x:arn"]
VALUES = [
    "",
    "a",
    "A",
    "b",
    "ann",
    "a*",
    "?",
    "${x:one}",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "1767225600",
    "10",
    "9.5",
]
VALUES += [
    "true",
    "false",
    "10.0.0.0/8",
    "10.1.2.3",
    "2001:db8::/32",
    "arn:aws:s3:::b",
    "arn:aws:*:*:*:b*",
    "arn:aws:s3:::*",
]


# the oracle


def regex(pattern: str, keys: Keys, wild: bool, variables: bool = True) -> re.Pattern[str] | None:
    """A pattern as a regular expression; None where a variable has no value."""
    out = ""
    for piece in re.findall(r"\$\{[^{}]*\}|.", pattern, re.DOTALL):
        if variables and len(piece) > 1:
            inside = piece[2:-1]
            name, _, default = inside.partition(",")
            values = keys.get(name.strip().lower(), [])
            if inside in ("*", "?", "$"):
                out += re.escape(inside)
            elif len(values) == 1:
                out += re.escape(values[0])
            elif default:
                out += re.escape(default.strip().strip("'"))
            else:
                return None
        elif wild and piece in "*?":
            out += ".*" if piece == "*" else "."
        else:
            out += re.escape(piece)
    return re.compile(out, re.DOTALL)


def like(pattern: str, text: str, keys: Keys, wild: bool = True, fold: bool = False) -> bool:
    compiled = regex(pattern, keys, wild)
    return (
        compiled is not None
        and re.fullmatch(compiled.pattern, text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None
    )


def arn_like(pattern: str, text: str, keys: Keys) -> bool:
    masked = re.sub(r"\$\{[^{}]*\}", lambda found: found[0].replace(":", "\0"), pattern)
    wanted, parts = [one.replace("\0", ":") for one in masked.split(":", 5)], text.split(":", 5)
    return len(wanted) == len(parts) == 6 and all(
        like(one, part, keys) for one, part in zip(wanted, parts, strict=True)
    )


def number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None


def moment(text: str) -> float | None:
    if re.fullmatch(r"\d{5,}", text):
        return float(text)
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return None


def in_network(pattern: str, text: str) -> bool:
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(pattern)
    except (ValueError, TypeError):
        return False


def ordered(
    read: Callable[[str], float | None], test: Callable[[float, float], bool]
) -> Callable[[str, str, Keys], bool]:
    def compare(pattern: str, text: str, _keys: Keys) -> bool:
        have, want = read(text), read(pattern)
        return have is not None and want is not None and test(have, want)

    return compare


def truth(text: str) -> float | None:
    return {"true": 1.0, "false": 0.0}.get(text.lower())


POSITIVE: dict[str, Callable[[str, str, Keys], bool]] = {
    "StringEquals": lambda pattern, text, keys: like(pattern, text, keys, wild=False),
    "StringEqualsIgnoreCase": lambda pattern, text, keys: like(pattern, text, keys, wild=False, fold=True),
    "StringLike": like,
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "IpAddress": lambda pattern, text, keys: in_network(pattern, text),
    "Bool": ordered(truth, lambda have, want: have == want),
    "NumericEquals": ordered(number, lambda have, want: have == want),
    "NumericLessThan": ordered(number, lambda have, want: have < want),
    "NumericGreaterThanEquals": ordered(number, lambda have, want: have >= want),
    "DateEquals": ordered(moment, lambda have, want: have == want),
    "DateLessThanEquals": ordered(moment, lambda have, want: have <= want),
    "DateGreaterThan": ordered(moment, lambda have, want: have > want),
}
NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def condition_holds(operator: str, key: str, wanted: Any, keys: Keys) -> bool:
    wanted = wanted if isinstance(wanted, list) else [wanted]
    values = keys.get(key.lower()) or []
    if operator == "Null":
        return (str(wanted[0]).lower() == "true") == (not values)
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    negative = name in NEGATIVE
    test = POSITIVE[NEGATIVE.get(name, name)]
    if not values:
        if if_exists:
            return True
        return {"ForAllValues": True, "ForAnyValue": False, "": negative}[quantifier]
    hits = [any(test(str(one), value, keys) for one in wanted) for value in values]
    if quantifier == "ForAllValues":
        return values == [""] or all(hit != negative for hit in hits)
    if quantifier == "ForAnyValue":
        return any(hit != negative for hit in hits)
    return not any(hits) if negative else any(hits)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class Asked:
    who: Principal
    action: str
    resource: str
    keys: Keys


def about(statement: Json, asked: Asked) -> bool:
    """Whether Action, Resource and Condition fit."""
    acts = any(
        like(one, asked.action, {}, fold=True) for one in listed(statement.get("Action", statement.get("NotAction")))
    )
    if acts == ("NotAction" in statement):
        return False
    if "Resource" in statement or "NotResource" in statement:
        places = listed(statement.get("Resource", statement.get("NotResource")))
        if any(like(one, asked.resource, asked.keys) for one in places) == ("NotResource" in statement):
            return False
    tests = [(op, key, want) for op, pairs in statement.get("Condition", {}).items() for key, want in pairs.items()]
    return all(condition_holds(op, key, want, asked.keys) for op, key, want in tests)


def names_of(who: Principal) -> tuple[set[str], set[str], set[str]]:
    """What a policy may call a caller: itself, the role or user behind it, its account."""
    account = {who.account, f"arn:aws:iam::{who.account}:root"}
    if who.kind == "role":
        behind = {f"arn:aws:iam::{HOME}:role/app", f"arn:aws:iam::{HOME}:role/path/app", who.user_id.split(":")[0]}
        return {who.arn}, behind, account
    if who is BOB:
        return {who.arn}, {f"arn:aws:iam::{HOME}:user/ann"}, account
    if who.kind == "root":
        return account, set(), account
    if who.kind == "user":
        return {who.arn, who.user_id}, set(), account
    return {who.name}, set(), set()


def called(statement: Json, who: Principal) -> str:
    """As what a statement of a resource's policy means a caller: itself, behind, account, or nobody."""
    element = statement.get("Principal", statement.get("NotPrincipal"))
    pairs: Json = {"AWS": "*"} if element == "*" else dict(element or {})
    by_kind = {kind: listed(names) for kind, names in pairs.items()}
    kind = {"service": "Service", "federated": "Federated"}.get(who.kind, "AWS") if who is not BOB else "AWS"
    mentioned = set(by_kind.get(kind, []))
    itself, behind, account = names_of(who)
    everyone = "*" in by_kind.get("AWS", [])
    if "NotPrincipal" in statement:
        if statement["Effect"] == "Deny":
            chain = [names for names in (itself, behind if who.kind == "role" else set(), account) if names]
            spared = everyone or all(names & mentioned for names in chain)
        else:
            spared = everyone or bool((itself | behind | account) & mentioned)
        return "nobody" if spared else "itself"
    if everyone or itself & mentioned:
        return "itself"
    if behind & mentioned:
        return "behind"
    return "account" if account & mentioned else "nobody"


def oracle(
    asked: Asked,
    identity: list[Json],
    boundary: list[Json] | None,
    session: list[Json] | None,
    resource: Json | None,
    owner: str,
    trust: bool,
) -> str:
    """`allowed`, `explicitDeny` or `implicitDeny`."""
    who = asked.who
    known = who.kind in ("root", "user", "role") or who is BOB
    if not known or who.kind == "root":
        identity, boundary, session = [], None, None
    if who is BOB and session is None:
        session = []

    def says(documents: list[Json], effect: str) -> bool:
        statements = [one for document in documents for one in document["Statement"] if one["Effect"] == effect]
        return any(about(one, asked) for one in statements)

    # 1. An explicit deny in any policy.
    meant = [(one, called(one, who)) for one in (resource or {"Statement": []})["Statement"] if about(one, asked)]
    heard = [(one["Effect"], name) for one, name in meant if name != "nobody"]
    if any(effect == "Deny" for effect, _ in heard):
        return "explicitDeny"
    if any(says(documents, "Deny") for documents in (identity, boundary or [], session or [])):
        return "explicitDeny"
    named = {name for _, name in heard}

    # 2. Callers that have no identity policies.
    cross = who.account != owner
    if not known:
        return "allowed" if named else "implicitDeny"
    if who.kind == "root":
        return "allowed" if named or not (cross or trust) else "implicitDeny"

    # 3. Each side for itself.
    own = says(identity, "Allow")
    within = (boundary is None or says(boundary, "Allow")) and (session is None or says(session, "Allow"))
    if cross:
        return "allowed" if named and own and within else "implicitDeny"
    if trust and not named:
        return "implicitDeny"
    if "itself" in named:
        return "allowed"
    return "allowed" if within and (own or "behind" in named) else "implicitDeny"


# what both are asked


def some(values: list[str], most: int = 2) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(values), st.lists(st.sampled_from(values), min_size=1, max_size=most))


PLAIN = st.sampled_from([*POSITIVE, *NEGATIVE])
OPERATORS = st.one_of(
    PLAIN,
    PLAIN.map(lambda name: name + "IfExists"),
    PLAIN.map(lambda name: "ForAllValues:" + name),
    PLAIN.map(lambda name: "ForAnyValue:" + name),
    PLAIN.map(lambda name: "ForAnyValue:" + name + "IfExists"),
)


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    found: Json = {}
    for _ in range(draw(st.integers(0, 2))):
        operator = draw(OPERATORS)
        values = VALUES if "Date" not in operator else [one for one in VALUES if moment(one) is not None]
        found.setdefault(operator, {})[draw(st.sampled_from(KEYS))] = draw(some(values))
    if draw(st.integers(0, 5)) == 0:
        found["Null"] = {draw(st.sampled_from(KEYS)): draw(st.sampled_from(["true", "false"]))}
    return found


@st.composite
def statements(draw: st.DrawFn, attached: bool, trust: bool) -> Json:
    actions = [one for one in ACTION_PATTERNS if one.startswith("sts:")] if trust else ACTION_PATTERNS
    statement: Json = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    statement["NotAction" if draw(st.integers(0, 6)) == 0 and not trust else "Action"] = draw(some(actions))
    if not trust:
        statement["NotResource" if draw(st.integers(0, 6)) == 0 else "Resource"] = draw(some(RESOURCE_PATTERNS))
    if attached:
        aws = draw(st.lists(st.sampled_from(WHO), min_size=1, max_size=4))
        element: Any = draw(
            st.sampled_from(
                [{"AWS": aws}, {"AWS": aws}, {"AWS": aws[0]}, {"AWS": aws, "Service": "s3.amazonaws.com"}]
                + [{"Federated": "accounts.google.com", "Service": ["sns.amazonaws.com"]}]
                + ([] if trust else ["*"])
            )
        )
        statement["NotPrincipal" if draw(st.integers(0, 4)) == 0 else "Principal"] = element
    if draw(st.booleans()):
        statement["Condition"] = draw(conditions())
    return statement


@st.composite
def documents(draw: st.DrawFn, attached: bool = False, trust: bool = False) -> Json:
    return {"Version": "2012-10-17", "Statement": draw(st.lists(statements(attached, trust), min_size=1, max_size=3))}


def policies(most: int) -> st.SearchStrategy[list[Json]]:
    return st.lists(documents(), max_size=most)


KEY_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "x:one": st.sampled_from(["a", "A", "b", "", "a*"]).map(lambda value: [value]),
        "x:many": st.lists(st.sampled_from(["a", "A", "b", "", "ann"]), max_size=3),
        "x:when": st.sampled_from([["2026-01-01T00:00:00Z"], ["1767225600"], ["1767225599"], ["never"]]),
        "x:size": st.sampled_from([["10"], ["9.5"], ["11", "9"], ["ten"]]),
        "x:flag": st.sampled_from([["true"], ["False"], ["maybe"]]),
        "x:ip": st.sampled_from([["10.1.2.3"], ["192.0.2.1"], ["2001:db8::7"], ["nowhere"]]),
        "x:arn": st.sampled_from([["arn:aws:s3:::b"], ["arn:aws:sqs:r:1:b:c"], ["no arn"]]),
    },
)


@dataclass
class Case:
    asked: Asked
    identity: list[Json]
    boundary: list[Json] | None
    session: list[Json] | None
    resource: Json | None
    owner: str
    trust: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    trust = draw(st.integers(0, 3)) == 0
    who = draw(st.sampled_from(CALLERS))
    keys: Keys = draw(KEY_VALUES)
    if who.kind == "user":
        keys["aws:username"] = [who.name]
    action = "sts:AssumeRole" if trust else draw(st.sampled_from(ACTIONS))
    return Case(
        Asked(who, action, draw(st.sampled_from(RESOURCES)), keys),
        draw(policies(3)),
        draw(st.none() | policies(1)),
        draw(st.none() | policies(2)),
        draw(st.none() | documents(attached=True, trust=trust)),
        draw(st.sampled_from([HOME, HOME, AWAY])),
        trust,
    )


@st.composite
def plain_documents(draw: st.DrawFn, names: list[str] | None, trust: bool) -> Json:
    """Documents of which most are about the request, so that the chart is walked to its ends."""
    actions = ["sts:AssumeRole", "sts:*", "sts:TagSession"] if trust else ["*", "s3:GetObject", "iam:*"]
    found = []
    for _ in range(draw(st.integers(1, 2))):
        statement: Json = {
            "Effect": "Deny" if draw(st.integers(0, 6)) == 0 else "Allow",
            "Action": draw(st.sampled_from(actions)),
        }
        if not trust:
            statement["Resource"] = "*"
        if names is not None:
            element = {"AWS": draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))}
            often = 1 if statement["Effect"] == "Deny" else 6
            statement["NotPrincipal" if draw(st.integers(0, often)) == 0 else "Principal"] = element
        found.append(statement)
    return {"Version": "2012-10-17", "Statement": found}


@st.composite
def chart_cases(draw: st.DrawFn) -> Case:
    who = draw(st.sampled_from([CALLERS[0], CALLERS[1], CALLERS[2], CALLERS[2], BOB, BOB, CALLERS[4]]))
    trust = draw(st.integers(0, 3)) == 0
    names = [*sorted(set().union(*names_of(who))), "*", f"arn:aws:iam::{AWAY}:user/eve"]
    some_of = st.lists(plain_documents(None, False), max_size=2)
    return Case(
        Asked(who, "sts:AssumeRole" if trust else "s3:GetObject", "arn:aws:s3:::b/k", {}),
        draw(some_of),
        draw(st.none() | some_of),
        draw(st.none() | some_of),
        draw(st.none() | plain_documents(names, trust) | plain_documents(names, trust)),
        draw(st.sampled_from([HOME, HOME, HOME, AWAY])),
        trust,
    )


def compiled(found: list[Json] | None, name: str) -> list[Named] | None:
    return (
        None if found is None else [Named(f"{name}{number}", load(one, "identity")) for number, one in enumerate(found)]
    )


def judged(case: Case) -> tuple[AuthRequest, Authority, Named | None, Verdict]:
    request = AuthRequest(case.asked.action, case.asked.resource, case.asked.who, case.asked.keys)
    authority = Authority(
        compiled(case.identity, "identity") or [],
        compiled(case.boundary, "boundary"),
        compiled(case.session, "session"),
    )
    resource = None
    if case.resource is not None:
        resource = Named("resource", load(case.resource, "trust" if case.trust else "resource"))
    verdict = authorise(
        request, authority, resource_policy=resource, resource_account=case.owner, must_be_trusted=case.trust
    )
    return request, authority, resource, verdict


def outcome(verdict: Verdict) -> str:
    return "allowed" if verdict.allowed else "explicitDeny" if verdict.explicit_deny else "implicitDeny"


@given(st.one_of(cases(), chart_cases(), chart_cases()))
@settings(max_examples=700, deadline=None)
def test_the_evaluation_agrees_with_the_flow_chart(case: Case) -> None:
    _, _, _, verdict = judged(case)
    expected = oracle(case.asked, case.identity, case.boundary, case.session, case.resource, case.owner, case.trust)
    assert outcome(verdict) == expected


@given(cases() | chart_cases())
@settings(max_examples=150, deadline=None)
def test_verdicts_explain_themselves(case: Case) -> None:
    request, authority, resource, verdict = judged(case)
    told = explain(verdict, request, authority, resource)
    json.dumps(told)
    assert all(isinstance(line, str) and line for line in lines(told))
    if verdict.statement is not None:
        # What decided is among what was looked at, and it matches.
        seen = [one for one in told["looked_at"] if one["policy"] == verdict.policy and one["matches"]]
        assert verdict.statement.allow is verdict.allowed
        assert any(one["effect"] == verdict.statement.source["Effect"] for one in seen)
    if not verdict.allowed:
        assert request.principal.arn in denial(verdict, request) or request.principal.kind == "anonymous"


@given(cases() | chart_cases())
@settings(max_examples=150, deadline=None)
def test_a_simulation_decides_as_the_evaluation_does(case: Case) -> None:
    if case.trust:
        return
    request, authority, resource, verdict = judged(case)
    found = simulate(request, authority, resource, case.owner)
    assert found.decision == outcome(verdict)
    if found.decision == "explicitDeny":
        assert any(not statement.allow for _, statement in found.matched)


TYPED = {
    "String": (
        ["x:many", "x:one", "x:many", "aws:username", "x:none"],
        ["a", "A", "b", "", "a*", "?", "${x:one}", "${x:many}", "${*}", "ann"],
    ),
    "Numeric": (["x:size", "x:none"], ["10", "9.5", "11", "09.50", "x"]),
    "Date": (["x:when", "x:none"], ["2026-01-01", "2026-01-01T00:00:00Z", "1767225600", "1767225599"]),
    "Bool": (["x:flag", "x:none"], ["true", "false", "TRUE"]),
    "Arn": (
        ["x:arn", "x:none"],
        ["arn:aws:s3:::b", "arn:aws:*:*:*:b*", "arn:aws:sqs:*:?:b:c", "arn:aws:s3:::*", "arn:aws:s3"],
    ),
    "Ip": (["x:ip", "x:none"], ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0", "x"]),
}


@st.composite
def single_conditions(draw: st.DrawFn) -> Json:
    kind = draw(st.sampled_from(sorted(TYPED)))
    names = [name for name in (*POSITIVE, *NEGATIVE) if name.removeprefix("Not").startswith(kind)]
    prefix = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
    operator = prefix + draw(st.sampled_from(names)) + draw(st.sampled_from(["", "", "IfExists"]))
    keys, values = TYPED[kind]
    return {operator: {draw(st.sampled_from(keys)): draw(some(values, 3))}}


MANY_KEYS = st.fixed_dictionaries(
    {
        "aws:username": st.just(["ann"]),
        "x:one": st.sampled_from([["a"], ["A"], ["b"], [""]]),
        "x:many": st.lists(st.sampled_from(["a", "A", "b", ""]), min_size=1, max_size=3),
        "x:size": st.sampled_from([["10"], ["9.5"], ["11", "9"], ["ten", "10"]]),
    }
)


@given(single_conditions() | conditions(), KEY_VALUES | MANY_KEYS | MANY_KEYS)
@settings(max_examples=700, deadline=None)
def test_conditions_agree_with_the_oracle(condition: Json, keys: Keys) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    policy = load({"Version": "2012-10-17", "Statement": statement}, "identity")
    request = AuthRequest("s3:GetObject", "*", CALLERS[0], keys)
    assert applies(policy.statements[0], request) is about(statement, Asked(CALLERS[0], "s3:GetObject", "*", keys))


PIECES = ["a", "a", "b", "*", "*", "?", "/", "${x:one}", "${x:many}", "${*}", "${x:none,'b'}", "${", "}", "$"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=7).map("".join) | st.text("aab**?", max_size=5),
    st.lists(st.sampled_from(["a", "a", "b", "*", "/", "$", "{", "}"]), max_size=7).map("".join)
    | st.text("aab", max_size=5),
    st.sampled_from([["a"], ["a", "b"], []]),
)
@settings(max_examples=700, deadline=None)
def test_resource_patterns_agree_with_regular_expressions(glob: str, text: str, many: list[str]) -> None:
    keys = {"x:one": ["a*"], "x:many": many}
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": glob}
    resources = load({"Version": "2012-10-17", "Statement": statement}, "resource").statements[0].resources
    assert resources is not None
    assert resources(text, keys) is like(glob, text, keys)
