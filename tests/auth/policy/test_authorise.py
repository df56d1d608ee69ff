"""A table of verdicts, written from the IAM User Guide's rules."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from cumulet.auth.policy.authorise import NO_AUTHORITY, Authority, Verdict, authorise
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.auth.policy.model import Named
from cumulet.auth.policy.parse import parse
from cumulet.auth.policy.principals import canonical_user
from cumulet.base.context import ANONYMOUS, Principal, root, service

A, B = "111122223333", "444455556666"
ANN = Principal("user", A, f"arn:aws:iam::{A}:user/ann", "AIDAANNANNANNANNANNA", "ann", tags={"team": "red"})
APP = Principal("role", A, f"arn:aws:sts::{A}:assumed-role/app/s1", "AROAAPPAPPAPPAPPAPPA:s1", "app", "s1")
FED = Principal("federated", A, f"arn:aws:sts::{A}:federated-user/bob", f"{A}:bob", "ann", "bob")
GOOGLE = Principal("federated", "", "accounts.google.com", "1133", "accounts.google.com")
BUCKET = "arn:aws:s3:::photos"
KEY = BUCKET + "/a.jpg"
ROLE = f"arn:aws:iam::{A}:role/app"
ACCOUNT = f"arn:aws:iam::{A}:root"
GET = "s3:GetObject"
S3 = service("s3.amazonaws.com", A, BUCKET)


def document(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def named(name: str, statements: Any, kind: Any = "identity") -> Named:
    found = statements if isinstance(statements, list) else [statements]
    return Named(name, parse(document(*found), kind))


def says(effect: str, action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return says("Allow", action, resource, **more)


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return says("Deny", action, resource, **more)


def trusting(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def to(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A resource's statement about one principal."""
    return says(effect, "*", "*", Principal=principal, **more)


def verdict(
    who: Principal,
    *,
    identity: Any = None,
    boundary: Any = None,
    session: Any = None,
    resource: Any = None,
    owner: str = A,
    action: str = GET,
    on: str = KEY,
    trusted: bool = False,
    **keys: Any,
) -> Verdict:
    """None stands for `no such policy`; keyword arguments are condition keys, `__` for `:` and `_` for `-`."""
    more = {name.replace("__", ":").replace("_", "-"): value for name, value in keys.items()}
    context = LazyContext(who, now=1_767_225_600, region="eu-west-1", source_ip="203.0.113.7", secure=True, more=more)
    authority = Authority(
        [named(f"user/ann/p{number}", one) for number, one in enumerate(identity or ())],
        None if boundary is None else [named("arn:aws:iam::aws:policy/Boundary", boundary)] if boundary else [],
        None if session is None else [named("session policy", session)] if session else [],
    )
    kind = "trust" if action.startswith("sts:") else "resource"
    attached = None if resource is None else named("bucket policy", resource, kind)
    return authorise(
        AuthRequest(action, on, who, context),
        authority,
        resource_policy=attached,
        resource_account=owner,
        must_be_trusted=trusted,
    )


def short(found: Verdict) -> str:
    return f"{'allowed' if found.allowed else 'denied' if found.explicit_deny else 'silent'} {found.kind}"


ALLOW = [allow()]
# who, what there is, the outcome and who decided it
CHART: list[tuple[Principal, dict[str, Any], str]] = [
    # Identity policies within an account
    (ANN, {}, "silent identity"),
    (ANN, {"identity": ALLOW}, "allowed identity"),
    (ANN, {"identity": [allow("sqs:*"), allow(GET)]}, "allowed identity"),
    (ANN, {"identity": [allow("sqs:*")]}, "silent identity"),
    (ANN, {"identity": [allow(), deny(GET)]}, "denied identity"),
    (ANN, {"identity": [deny(), allow()]}, "denied identity"),
    (ANN, {"identity": [[allow(), deny("sqs:*")]]}, "allowed identity"),
    (APP, {}, "silent identity"),
    (APP, {"identity": ALLOW}, "allowed identity"),
    (APP, {"identity": [allow(), deny("s3:*", BUCKET + "/*")]}, "denied identity"),
    # A resource's policy within an account: either is enough
    (ANN, {"resource": to({"AWS": ANN.arn})}, "allowed resource"),
    (ANN, {"identity": ALLOW, "resource": to({"AWS": ROLE})}, "allowed identity"),
    (ANN, {"resource": to({"AWS": ROLE})}, "silent identity"),
    (ANN, {"resource": to("*")}, "allowed resource"),
    (ANN, {"resource": to({"AWS": "*"})}, "allowed resource"),
    (ANN, {"resource": to({"AWS": ANN.user_id})}, "allowed resource"),
    (ANN, {"identity": ALLOW, "resource": to({"CanonicalUser": canonical_user(A)}, "Deny")}, "denied resource"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"CanonicalUser": canonical_user(A)})}, "allowed identity"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"CanonicalUser": canonical_user(B)})}, "silent resource"),
    (root(A), {"owner": B, "resource": to({"CanonicalUser": canonical_user(A)})}, "allowed resource"),
    (ANN, {"identity": ALLOW, "resource": to({"AWS": ANN.arn}, "Deny")}, "denied resource"),
    (ANN, {"identity": ALLOW, "resource": to("*", "Deny")}, "denied resource"),
    (ANN, {"identity": ALLOW, "resource": to({"AWS": A}, "Deny")}, "denied resource"),
    (ANN, {"identity": ALLOW, "resource": to({"AWS": B}, "Deny")}, "allowed identity"),
    (ANN, {"identity": [deny()], "resource": to({"AWS": ANN.arn})}, "denied identity"),
    # The account in a resource's policy hands on to identity policies, it grants nobody anything
    (ANN, {"resource": to({"AWS": ACCOUNT})}, "silent identity"),
    (ANN, {"resource": to({"AWS": A})}, "silent identity"),
    (ANN, {"identity": ALLOW, "resource": to({"AWS": A})}, "allowed identity"),
    (APP, {"resource": to({"AWS": A})}, "silent identity"),
    # A permissions boundary caps identity policies
    (ANN, {"identity": ALLOW, "boundary": allow(GET)}, "allowed identity"),
    (ANN, {"identity": ALLOW, "boundary": allow("sqs:*")}, "silent boundary"),
    (ANN, {"identity": ALLOW, "boundary": []}, "silent boundary"),
    (ANN, {"boundary": allow()}, "silent identity"),
    (ANN, {"identity": ALLOW, "boundary": [allow(), deny("s3:*")]}, "denied boundary"),
    (APP, {"identity": ALLOW, "boundary": allow("sqs:*")}, "silent boundary"),
    # ... but not what a resource's policy gives to a user or a session itself
    (ANN, {"boundary": allow("sqs:*"), "resource": to({"AWS": ANN.arn})}, "allowed resource"),
    (ANN, {"boundary": deny(), "resource": to({"AWS": ANN.arn})}, "denied boundary"),
    (APP, {"boundary": allow("sqs:*"), "resource": to({"AWS": APP.arn})}, "allowed resource"),
    (APP, {"boundary": allow("sqs:*"), "resource": to({"AWS": ROLE})}, "silent boundary"),
    (APP, {"boundary": allow("s3:*"), "resource": to({"AWS": ROLE})}, "allowed resource"),
    (APP, {"boundary": allow("sqs:*"), "resource": to("*")}, "allowed resource"),
    (
        APP,
        {
            "boundary": allow("sqs:*"),
            "resource": to("*", Condition={"ArnEquals": {"aws:PrincipalArn": ROLE}}),
        },
        "allowed resource",
    ),
    # Session policies do the same
    (APP, {"identity": ALLOW, "session": allow(GET)}, "allowed identity"),
    (APP, {"identity": ALLOW, "session": allow("sqs:*")}, "silent session"),
    (APP, {"identity": ALLOW, "session": []}, "silent session"),
    (APP, {"session": allow()}, "silent identity"),
    (APP, {"identity": ALLOW, "session": [allow(), deny(GET)]}, "denied session"),
    (APP, {"identity": ALLOW, "boundary": allow("sqs:*"), "session": allow("sns:*")}, "silent boundary"),
    (APP, {"identity": ALLOW, "boundary": allow(), "session": allow()}, "allowed identity"),
    (APP, {"resource": to({"AWS": ROLE})}, "allowed resource"),
    (APP, {"session": allow("sqs:*"), "resource": to({"AWS": ROLE})}, "silent session"),
    (APP, {"session": allow(), "resource": to({"AWS": ROLE})}, "allowed resource"),
    (APP, {"session": allow("sqs:*"), "resource": to({"AWS": APP.arn})}, "allowed resource"),
    (APP, {"session": deny(), "resource": to({"AWS": APP.arn})}, "denied session"),
    (APP, {"resource": to({"AWS": APP.arn.replace("/s1", "/s2")})}, "silent identity"),
    (APP, {"resource": to({"AWS": "AROAAPPAPPAPPAPPAPPA"})}, "allowed resource"),
    (APP, {"resource": [to({"AWS": ROLE}), to({"AWS": APP.arn})], "session": []}, "allowed resource"),
    # Across accounts both sides must allow
    (ANN, {"owner": B}, "silent resource"),
    (ANN, {"owner": B, "identity": ALLOW}, "silent resource"),
    (ANN, {"owner": B, "resource": to({"AWS": ANN.arn})}, "silent identity"),
    (ANN, {"owner": B, "resource": to("*")}, "silent identity"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"AWS": ANN.arn})}, "allowed identity"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"AWS": ACCOUNT})}, "allowed identity"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"AWS": A})}, "allowed identity"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to({"AWS": B})}, "silent resource"),
    (ANN, {"owner": B, "identity": ALLOW, "resource": to("*", "Deny")}, "denied resource"),
    (ANN, {"owner": B, "identity": [deny()], "resource": to({"AWS": ANN.arn})}, "denied identity"),
    (
        ANN,
        {"owner": B, "identity": ALLOW, "boundary": allow("sqs:*"), "resource": to({"AWS": ANN.arn})},
        "silent boundary",
    ),
    (APP, {"owner": B, "identity": ALLOW, "resource": to({"AWS": ROLE})}, "allowed identity"),
    (APP, {"owner": B, "identity": ALLOW, "resource": to({"AWS": APP.arn})}, "allowed identity"),
    (
        APP,
        {"owner": B, "identity": ALLOW, "session": allow("sqs:*"), "resource": to({"AWS": APP.arn})},
        "silent session",
    ),
    # Root
    (root(A), {}, "allowed root"),
    (root(A), {"resource": to({"AWS": B})}, "allowed root"),
    (root(A), {"resource": to("*", "Deny")}, "denied resource"),
    (root(A), {"resource": to({"AWS": ACCOUNT}, "Deny")}, "denied resource"),
    (root(A), {"resource": to({"AWS": ANN.arn}, "Deny")}, "allowed root"),
    (root(A), {"owner": B}, "silent resource"),
    (root(A), {"owner": B, "resource": to({"AWS": A})}, "allowed resource"),
    (root(A), {"owner": B, "resource": to({"AWS": ACCOUNT})}, "allowed resource"),
    (root(A), {"owner": B, "resource": to({"AWS": ANN.arn})}, "silent resource"),
    # Services and strangers: only the resource's policy speaks
    (S3, {}, "silent resource"),
    (S3, {"identity": ALLOW}, "silent resource"),
    (S3, {"resource": to({"Service": "s3.amazonaws.com"})}, "allowed resource"),
    (S3, {"resource": to({"Service": "sns.amazonaws.com"})}, "silent resource"),
    (S3, {"resource": to({"AWS": ACCOUNT})}, "silent resource"),
    (
        S3,
        {
            "resource": to(
                {"Service": "s3.amazonaws.com"},
                Condition={"ArnLike": {"aws:SourceArn": BUCKET}, "StringEquals": {"aws:SourceAccount": A}},
            )
        },
        "allowed resource",
    ),
    (
        S3,
        {"resource": to({"Service": "s3.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": B}})},
        "silent resource",
    ),
    (
        S3,
        {
            "resource": [
                to({"Service": "s3.amazonaws.com"}),
                to("*", "Deny", Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
            ]
        },
        "allowed resource",
    ),
    (
        ANN,
        {
            "identity": ALLOW,
            "resource": to("*", "Deny", Condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}),
        },
        "denied resource",
    ),
    (ANONYMOUS, {}, "silent resource"),
    (ANONYMOUS, {"resource": to("*")}, "allowed resource"),
    (ANONYMOUS, {"resource": to({"AWS": "*"})}, "allowed resource"),
    (ANONYMOUS, {"resource": to({"AWS": A})}, "silent resource"),
    (
        ANONYMOUS,
        {"resource": [to("*"), to("*", "Deny", Condition={"Bool": {"aws:SecureTransport": "true"}})]},
        "denied resource",
    ),
    # A federated user has what its user and its session policies both give; without session policies nothing
    (FED, {"identity": ALLOW}, "silent session"),
    (FED, {"identity": ALLOW, "session": allow(GET)}, "allowed identity"),
    (FED, {"identity": ALLOW, "session": allow("sqs:*")}, "silent session"),
    (FED, {"session": allow()}, "silent identity"),
    (FED, {"resource": to({"AWS": FED.arn})}, "allowed resource"),
    (FED, {"resource": to({"AWS": ANN.arn})}, "silent session"),
    (FED, {"resource": to({"AWS": ANN.arn}), "session": allow()}, "allowed resource"),
    (FED, {"resource": to({"AWS": FED.arn}), "boundary": []}, "allowed resource"),
    # NotPrincipal with Deny spares only whom it lists with the role and the account
    (ANN, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [ANN.arn, ACCOUNT]})}, "allowed identity"),
    (ANN, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": ANN.arn})}, "denied resource"),
    (ANN, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": ACCOUNT})}, "denied resource"),
    (ANN, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [ROLE, ACCOUNT]})}, "denied resource"),
    (APP, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [APP.arn, ROLE, ACCOUNT]})}, "allowed identity"),
    (APP, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [ROLE, ACCOUNT]})}, "denied resource"),
    (APP, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [APP.arn, ROLE]})}, "denied resource"),
    (APP, {"identity": ALLOW, "resource": deny(NotPrincipal={"AWS": [APP.arn, ACCOUNT]})}, "denied resource"),
    (root(A), {"resource": deny(NotPrincipal={"AWS": ACCOUNT})}, "allowed root"),
    (root(A), {"resource": deny(NotPrincipal={"AWS": B})}, "denied resource"),
    (S3, {"resource": [to("*"), deny(NotPrincipal={"Service": "s3.amazonaws.com"})]}, "allowed resource"),
    (ANONYMOUS, {"resource": [to("*"), deny(NotPrincipal={"AWS": ACCOUNT})]}, "denied resource"),
    (ANN, {"resource": allow(NotPrincipal={"AWS": ROLE})}, "allowed resource"),
    (APP, {"resource": allow(NotPrincipal={"AWS": ROLE})}, "silent identity"),
]


@pytest.mark.parametrize(("who", "there", "expected"), CHART)
def test_the_flow_chart(who: Principal, there: dict[str, Any], expected: str) -> None:
    found = verdict(who, **there)
    assert short(found) == expected
    assert (found.statement is None) is (found.policy is None)
    assert found.reason


ASSUME: dict[str, Any] = {"action": "sts:AssumeRole", "on": ROLE, "trusted": True}
OTHER = f"arn:aws:iam::{B}:user/eve"
EVE = Principal("user", B, OTHER, "AIDAEVEEVEEVEEVEEVEE", "eve")
TRUST: list[tuple[Principal, dict[str, Any], str]] = [
    (ANN, {"identity": ALLOW}, "silent trust"),
    (ANN, {"identity": ALLOW, "resource": trusting({"AWS": ANN.arn})}, "allowed trust"),
    (ANN, {"resource": trusting({"AWS": ANN.arn})}, "allowed trust"),
    (ANN, {"resource": trusting({"AWS": ACCOUNT})}, "silent identity"),
    (ANN, {"resource": trusting({"AWS": A})}, "silent identity"),
    (ANN, {"identity": [allow("sts:AssumeRole", ROLE)], "resource": trusting({"AWS": ACCOUNT})}, "allowed identity"),
    (ANN, {"identity": [allow("sts:AssumeRole", ROLE + "2")], "resource": trusting({"AWS": A})}, "silent identity"),
    (ANN, {"identity": ALLOW, "boundary": allow("s3:*"), "resource": trusting({"AWS": A})}, "silent boundary"),
    (ANN, {"identity": ALLOW, "resource": trusting({"AWS": B})}, "silent trust"),
    (ANN, {"identity": [deny("sts:*")], "resource": trusting({"AWS": ANN.arn})}, "denied identity"),
    (
        ANN,
        {"identity": ALLOW, "resource": [trusting({"AWS": A}), trusting({"AWS": ANN.arn}, Effect="Deny")]},
        "denied trust",
    ),
    (APP, {"resource": trusting({"AWS": ROLE})}, "allowed trust"),
    (APP, {"resource": trusting({"AWS": ROLE}), "session": allow("s3:*")}, "silent session"),
    (EVE, {"identity": ALLOW}, "silent trust"),
    (EVE, {"resource": trusting({"AWS": OTHER})}, "silent identity"),
    (EVE, {"identity": ALLOW, "resource": trusting({"AWS": OTHER})}, "allowed identity"),
    (EVE, {"identity": ALLOW, "resource": trusting({"AWS": B})}, "allowed identity"),
    (root(A), {}, "silent trust"),
    (root(A), {"resource": trusting({"AWS": ACCOUNT})}, "allowed trust"),
    (service("lambda.amazonaws.com", A), {"resource": trusting({"Service": "lambda.amazonaws.com"})}, "allowed trust"),
    (service("ec2.amazonaws.com", A), {"resource": trusting({"Service": "lambda.amazonaws.com"})}, "silent trust"),
    # External id, MFA, web identity: the documented trust policies
    (
        EVE,
        {
            "identity": ALLOW,
            "resource": trusting({"AWS": B}, Condition={"StringEquals": {"sts:ExternalId": "12345"}}),
        },
        "silent trust",
    ),
    (
        EVE,
        {
            "identity": ALLOW,
            "resource": trusting({"AWS": B}, Condition={"StringEquals": {"sts:ExternalId": "12345"}}),
            "sts__ExternalId": "12345",
        },
        "allowed identity",
    ),
    (
        ANN,
        {
            "resource": trusting({"AWS": ANN.arn}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        },
        "silent trust",
    ),
    (
        GOOGLE,
        {
            "resource": trusting(
                {"Federated": "accounts.google.com"},
                Action="sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": {"accounts.google.com:aud": "app-1"}},
            ),
            "action": "sts:AssumeRoleWithWebIdentity",
            "accounts.google.com__aud": "app-1",
        },
        "allowed trust",
    ),
    (
        GOOGLE,
        {
            "resource": trusting(
                {"Federated": "accounts.google.com"},
                Action="sts:AssumeRoleWithWebIdentity",
                Condition={"StringEquals": {"accounts.google.com:aud": "app-1"}},
            ),
            "action": "sts:AssumeRoleWithWebIdentity",
            "accounts.google.com__aud": "app-2",
        },
        "silent trust",
    ),
    (
        GOOGLE,
        {
            "resource": trusting({"Federated": "graph.facebook.com"}, Action="sts:AssumeRoleWithWebIdentity"),
            "action": "sts:AssumeRoleWithWebIdentity",
        },
        "silent trust",
    ),
]


@pytest.mark.parametrize(("who", "there", "expected"), TRUST)
def test_who_may_assume_a_role(who: Principal, there: dict[str, Any], expected: str) -> None:
    assert short(verdict(who, **{**ASSUME, **there})) == expected


MASTER = f"arn:aws:kms:eu-west-1:{A}:key/1"
USE: dict[str, Any] = {"action": "kms:Decrypt", "on": MASTER, "trusted": True}
DEFAULT_KEY_POLICY = to({"AWS": ACCOUNT})
KEYS: list[tuple[Principal, dict[str, Any], str]] = [
    # Without the statement that enables IAM policies, these mean nothing
    (ANN, {"identity": ALLOW, "resource": to({"AWS": ROLE})}, "silent resource"),
    (ANN, {"identity": ALLOW, "resource": DEFAULT_KEY_POLICY}, "allowed identity"),
    (ANN, {"resource": DEFAULT_KEY_POLICY}, "silent identity"),
    (ANN, {"resource": [DEFAULT_KEY_POLICY, to({"AWS": ANN.arn})]}, "allowed resource"),
    (APP, {"resource": to({"AWS": ROLE})}, "allowed resource"),
    (APP, {"resource": to({"AWS": ROLE}), "boundary": allow("s3:*")}, "silent boundary"),
    (root(A), {"resource": DEFAULT_KEY_POLICY}, "allowed resource"),
    (root(A), {"resource": to({"AWS": ROLE})}, "silent resource"),
    (EVE, {"identity": ALLOW, "resource": DEFAULT_KEY_POLICY}, "silent resource"),
    (EVE, {"identity": ALLOW, "resource": to({"AWS": B})}, "allowed identity"),
    (EVE, {"resource": to({"AWS": B})}, "silent identity"),
    (
        ANN,
        {
            "resource": to(
                "*",
                Condition={"StringEquals": {"kms:CallerAccount": A, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
            ),
            "kms__CallerAccount": A,
            "kms__ViaService": "s3.eu-west-1.amazonaws.com",
        },
        "allowed resource",
    ),
]


@pytest.mark.parametrize(("who", "there", "expected"), KEYS)
def test_who_may_use_a_key(who: Principal, there: dict[str, Any], expected: str) -> None:
    assert short(verdict(who, **{**USE, **there})) == expected


def test_the_verdict_names_the_statement_that_decided() -> None:
    statements = [allow("s3:*", Sid="All"), deny(GET, BUCKET + "/secret/*", Sid="Secret")]
    found = verdict(ANN, identity=[allow("sqs:*"), statements], on=BUCKET + "/secret/x")
    assert found.statement is not None
    assert (found.policy, found.statement.sid, found.explicit_deny) == ("user/ann/p1", "Secret", True)
    found = verdict(ANN, identity=[allow("sqs:*"), statements])
    assert found.statement is not None
    assert (found.policy, found.statement.sid, found.allowed) == ("user/ann/p1", "All", True)


def test_a_role_with_ten_policies_and_root_cost_next_to_nothing() -> None:
    policies = [
        named(
            f"p{number}",
            [
                allow(["s3:Get*", "s3:PutObject"], f"arn:aws:s3:::b{number}/*"),
                allow("dynamodb:*", "*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}}),
                deny("s3:*", f"arn:aws:s3:::x{number}/*", Condition={"StringEquals": {"aws:RequestedRegion": "r"}}),
            ],
        )
        for number in range(10)
    ]
    authority = Authority(policies)

    def role() -> Verdict:
        request = AuthRequest(GET, "arn:aws:s3:::b9/k", APP, LazyContext(APP, now=1.0, region="eu-west-1"))
        return authorise(request, authority, resource_policy=None, resource_account=A)

    def whole_account() -> Verdict:
        return authorise(AuthRequest(GET, KEY, root(A)), NO_AUTHORITY, resource_policy=None, resource_account=A)

    assert role().allowed
    assert whole_account().allowed
    # The budgets are 25 and 1 µs; a loaded machine is given a factor of four.
    for call, budget in ((role, 100e-6), (whole_account, 8e-6)):
        best = 1.0
        for _ in range(5):
            started = time.process_time()
            for _ in range(200):
                call()
            best = min(best, (time.process_time() - started) / 200)
        assert best < budget
