"""What a refused caller is told, what the audit and `cumulet iam why` say, and what simulations answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cumulet.auth.policy.authorise import Authority, Speaker, Verdict, authorise, denial
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.auth.policy.explain import explain, lines
from cumulet.auth.policy.model import Named
from cumulet.auth.policy.parse import load
from cumulet.auth.policy.principals import canonical_user
from cumulet.auth.policy.simulate import context_keys, positions, simulate
from cumulet.base.context import ANONYMOUS, Principal, root, service
from cumulet.services.s3.reach import owner

A = "111122223333"
ANN = Principal("user", A, f"arn:aws:iam::{A}:user/ann", "AIDAANNANNANNANNANNA", "ann")
KEY = "arn:aws:s3:::photos/a.jpg"
TABLE = f"arn:aws:dynamodb:eu-west-1:{A}:table/t"
QUEUE = f"arn:aws:sqs:eu-west-1:{A}:q"
ROLE = f"arn:aws:iam::{A}:role/app"
STATEMENT = load(
    {"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}, "resource"
).statements[0]

# action, resource, what decided, `quoted` (as S3) and `deny` (an explicit one), what follows `on resource: `
WORDS: list[tuple[str, str, Speaker, str, str]] = [
    (
        "dynamodb:PutItem",
        TABLE,
        "identity",
        "",
        f"{TABLE} because no identity-based policy allows the dynamodb:PutItem action",
    ),
    (
        "dynamodb:PutItem",
        TABLE,
        "boundary",
        "",
        f"{TABLE} because no permissions boundary allows the dynamodb:PutItem action",
    ),
    ("dynamodb:PutItem", TABLE, "session", "", f"{TABLE} because no session policy allows the dynamodb:PutItem action"),
    (
        "dynamodb:PutItem",
        TABLE,
        "resource",
        "",
        f"{TABLE} because no resource-based policy allows the dynamodb:PutItem action",
    ),
    ("dynamodb:PutItem", TABLE, "identity", "deny", f"{TABLE} with an explicit deny in an identity-based policy"),
    ("dynamodb:PutItem", TABLE, "boundary", "deny", f"{TABLE} with an explicit deny in a permissions boundary"),
    ("dynamodb:PutItem", TABLE, "session", "deny", f"{TABLE} with an explicit deny in a session policy"),
    ("dynamodb:PutItem", TABLE, "resource", "deny", f"{TABLE} with an explicit deny in a resource-based policy"),
    (
        "s3:GetObject",
        KEY,
        "identity",
        "quoted",
        f'"{KEY}" because no identity-based policy allows the s3:GetObject action',
    ),
    ("s3:GetObject", KEY, "resource", "quoted deny", f'"{KEY}" with an explicit deny in a resource-based policy'),
    (
        "sqs:SendMessage",
        QUEUE,
        "identity",
        "",
        f"{QUEUE} because no identity-based policy allows the sqs:sendmessage action",
    ),
    ("sns:Publish", QUEUE, "identity", "", f"{QUEUE} because no identity-based policy allows the SNS:Publish action"),
    ("sts:AssumeRole", ROLE, "trust", "", ROLE),
    ("sts:AssumeRole", ROLE, "trust", "deny", ROLE),
    ("sts:TagSession", ROLE, "identity", "", ROLE),
]


@pytest.mark.parametrize(("action", "resource", "kind", "how", "expected"), WORDS)
def test_the_words_of_a_refusal(action: str, resource: str, kind: Speaker, how: str, expected: str) -> None:
    verdict = Verdict(False, "", "p" if "deny" in how else None, STATEMENT if "deny" in how else None, kind)
    spelled = {"sqs": action.lower(), "sns": "SNS:Publish"}.get(action[:3], action)
    told = denial(verdict, AuthRequest(action, resource, ANN), quoted="quoted" in how)
    assert told == f"User: {ANN.arn} is not authorized to perform: {spelled} on resource: {expected}"


def test_other_words_of_a_refusal() -> None:
    silent = Verdict(False, "", None, None, "resource", True)
    assert denial(silent, AuthRequest("s3:GetObject", KEY, ANN), quoted=True) == "Access Denied"
    assert denial(silent, AuthRequest("s3:GetObject", KEY, ANONYMOUS), quoted=True) == "Access Denied"
    web = AuthRequest("sts:AssumeRoleWithWebIdentity", ROLE, ANONYMOUS)
    assert denial(silent, web) == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    assert "because the resource does not exist in this Region" in denial(silent, AuthRequest("kms:Decrypt", ROLE, ANN))
    alone = denial(silent._replace(kind="identity"), AuthRequest("iam:ListUsers", "*", ANN))
    assert alone == (
        f"User: {ANN.arn} is not authorized to perform: iam:ListUsers "
        "because no identity-based policy allows the iam:ListUsers action"
    )


def policy(name: str, *statements: Any, kind: Any = "identity") -> Named:
    return Named(name, load({"Version": "2012-10-17", "Statement": list(statements)}, kind))


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def asked(action: str = "s3:GetObject", **keys: str) -> AuthRequest:
    more = {name.replace("__", ":"): value for name, value in keys.items()}
    return AuthRequest(action, KEY, ANN, LazyContext(ANN, region="eu-west-1", secure=False, more=more))


def test_an_explanation_says_what_kept_each_statement_out() -> None:
    authority = Authority(
        [
            policy("user/ann/a", allow("sqs:*"), allow("s3:*", "arn:aws:s3:::other/*", Sid="Other")),
            policy("user/ann/b", allow("s3:Get*", Condition={"Bool": {"aws:SecureTransport": True}}, Sid="Tls")),
            policy("user/ann/c", allow("logs:*")),
        ],
        [policy("boundary", allow("*"))],
        [],
    )
    bucket = policy(
        "bucket",
        {**allow("s3:*"), "Principal": {"AWS": ROLE}},
        {**allow("*"), "NotPrincipal": {"AWS": ANN.arn}},
        kind="resource",
    )
    request = asked()
    verdict = authorise(request, authority, resource_policy=bucket, resource_account=A)
    told = explain(verdict, request, authority, bucket)
    assert (told["decision"], told["kind"], told["policy"], told["statement"]) == (
        "implicit deny",
        "identity",
        None,
        None,
    )
    assert told["keys"] == {"aws:securetransport": ["false"]}
    seen = {
        (one["kind"], one["policy"], one["statement"]): (one["matches"], one["because"]) for one in told["looked_at"]
    }
    assert seen == {
        ("identity", "user/ann/a", "Other"): (False, f"Resource arn:aws:s3:::other/* does not cover {KEY}"),
        ("identity", "user/ann/b", "Tls"): (False, "Bool wants true, aws:SecureTransport is false"),
        ("identity", "user/ann/c", None): (False, "no statement is about s3:GetObject"),
        ("boundary", "boundary", "#1"): (True, ""),
        ("session", "(none)", None): (False, "it allows nothing"),
        ("resource", "bucket", "#1"): (False, f"Principal does not mean {ANN.arn}"),
        ("resource", "bucket", "#2"): (False, f"NotPrincipal does not mean {ANN.arn}"),
    }
    text = "\n".join(lines(told))
    assert text.startswith(
        f"implicit deny: {ANN.arn} s3:GetObject on {KEY}\nbecause no identity-based policy allows it\n"
    )
    assert "  identity user/ann/b, Allow Tls: does not match, Bool wants true, aws:SecureTransport is false" in text
    json.dumps(told)


def test_an_explanation_names_what_decided() -> None:
    authority = Authority([policy("user/ann/a", allow("s3:*"), {**allow("s3:Get*", Sid="No"), "Effect": "Deny"})])
    request = asked()
    told = explain(authorise(request, authority, resource_policy=None, resource_account=A), request, authority)
    assert (told["decision"], told["policy"], told["statement"]["Sid"]) == ("explicit deny", "user/ann/a", "No")
    assert "decided by identity policy user/ann/a, statement No" in lines(told)


def test_a_simulation_lists_what_matched_and_the_keys_that_were_not_given() -> None:
    authority = Authority(
        [
            policy(
                "a",
                allow("s3:*", Sid="One"),
                allow("s3:Get*", "arn:aws:s3:::photos/${aws:PrincipalTag/Team}/*", Sid="Two"),
                allow("s3:Get*", Condition={"StringLike": {"s3:Prefix": "${aws:username}/${*}"}}, Sid="Three"),
                allow("sqs:*", Condition={"Bool": {"aws:Other": "true"}}),
            )
        ],
        [policy("boundary", allow("s3:*", Sid="Bound"))],
    )
    found = simulate(asked(), authority, None, A)
    assert found.decision == "allowed"
    assert [(named.name, statement.sid) for named, statement in found.matched] == [("a", "One"), ("boundary", "Bound")]
    assert found.missing_keys == ["aws:PrincipalTag/Team", "s3:Prefix"]
    found = simulate(asked(s3__prefix="ann/*"), authority, None, A)
    assert [statement.sid for _, statement in found.matched] == ["One", "Three", "Bound"]
    assert found.missing_keys == ["aws:PrincipalTag/Team"]
    assert simulate(asked("sns:Publish"), authority, None, A).decision == "implicitDeny"
    denying = Authority([*authority.identity, policy("no", {**allow("*"), "Effect": "Deny"})])
    assert simulate(asked(), denying, None, A).decision == "explicitDeny"


def test_the_context_keys_of_policies() -> None:
    one = policy(
        "a",
        allow("*", "arn:aws:s3:::${aws:username}/${*}", Condition={"StringEquals": {"aws:TagKeys": ["${x:y, 'z'}"]}}),
        {
            "Effect": "Deny",
            "Action": "*",
            "NotResource": "arn:aws:s3:::${AWS:UserName}",
            "Condition": {"Null": {"a:b": True}},
        },
    )
    assert context_keys([one.policy]) == ["aws:TagKeys", "aws:username", "x:y", "a:b"]
    old = load({"Statement": {**allow("*", "${aws:username}"), "Principal": "*"}}, "resource")
    assert context_keys([old]) == []


@pytest.mark.parametrize("indent", [None, 2])
def test_positions_of_statements(indent: int | None) -> None:
    statements = [allow("s3:*", Sid='a{"}['), allow("sqs:*", ["*"])]
    for value in (statements, statements[0]):
        text = json.dumps({"Version": "2012-10-17", "Id": "Statement", "Statement": value}, indent=indent)
        rows = text.split("\n")
        found = positions(text)
        assert len(found) == (2 if value is statements else 1)
        for (start, end), statement in zip(found, statements, strict=False):
            piece = rows[start.line - 1 : end.line]
            piece[-1] = piece[-1][: end.column - 1]
            piece[0] = piece[0][start.column - 1 :]
            assert json.loads("\n".join(piece)) == statement


def test_condition_keys_are_computed_when_they_are_asked_for() -> None:
    calls = []

    def find() -> dict[str, str | list[str]]:
        calls.append(1)
        return {"S3:Prefix": "p", "aws:TagKeys": ["a", "b"]}

    role = Principal("role", A, f"arn:aws:sts::{A}:assumed-role/app/s", "AROA1:s", "app", tags={"Team": "red"})
    keys = LazyContext(role, now=0.0, region="eu-west-1", source_ip="127.0.0.1", secure=False, more=find)
    assert keys.get("aws:principalarn") == [ROLE]
    assert keys.get("aws:principaltag/team") == ["red"]
    assert (keys.get("aws:currenttime"), keys.get("aws:epochtime")) == (["1970-01-01T00:00:00Z"], ["0"])
    assert calls == []
    assert keys.get("s3:prefix") == ["p"]
    assert keys.get("aws:tagkeys") == ["a", "b"]
    assert keys.get("aws:username") is None
    assert calls == [1]
    assert keys.get("aws:viaawsservice") == ["false"]
    via = LazyContext(role, called_via=["athena.amazonaws.com", "s3.amazonaws.com"])
    assert via.get("aws:viaawsservice") == ["true"]
    assert via.get("aws:calledvia") == ["athena.amazonaws.com", "s3.amazonaws.com"]
    assert (via.get("aws:calledviafirst"), via.get("aws:calledvialast")) == (
        ["athena.amazonaws.com"],
        ["s3.amazonaws.com"],
    )
    everything = dict(keys)
    assert everything["s3:prefix"] == ["p"]
    assert everything["aws:principaltag/team"] == ["red"]
    assert everything["aws:securetransport"] == ["false"]
    assert len(keys) == len(everything)
    assert "aws:username" not in everything


@pytest.mark.parametrize(
    ("who", "key", "value"),
    [
        (ANN, "aws:username", ["ann"]),
        (ANN, "aws:userid", ["AIDAANNANNANNANNANNA"]),
        (ANN, "aws:principaltype", ["User"]),
        (ANN, "aws:sourcearn", None),
        (root(A), "aws:principalarn", [f"arn:aws:iam::{A}:root"]),
        (root(A), "aws:username", None),
        (root(A), "aws:principaltype", ["Account"]),
        (ANONYMOUS, "aws:principaltype", ["Anonymous"]),
        (ANONYMOUS, "aws:principalarn", None),
        (service("s3.amazonaws.com", A, "arn:b"), "aws:principalservicename", ["s3.amazonaws.com"]),
        (service("s3.amazonaws.com", A, "arn:b"), "aws:sourcearn", ["arn:b"]),
        (service("s3.amazonaws.com", A, "arn:b"), "aws:sourceaccount", [A]),
        (service("s3.amazonaws.com", A), "aws:sourcearn", None),
        (Principal("federated", "", "accounts.google.com", "1", "accounts.google.com"), "aws:userid", None),
        (Principal("federated", A, f"arn:aws:sts::{A}:federated-user/b", f"{A}:b", "ann"), "aws:userid", [f"{A}:b"]),
    ],
)
def test_global_condition_keys(who: Principal, key: str, value: list[str] | None) -> None:
    assert LazyContext(who).get(key) == value
    assert LazyContext(who, more={key.upper(): "mine"}).get(key) == ["mine"]


def test_s3_knows_accounts_by_the_same_canonical_ids() -> None:
    assert owner(A)["ID"] == canonical_user(A)
