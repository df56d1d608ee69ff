"""A table of decisions, written from the IAM User Guide's rules and examples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cumulet.auth.policy.evaluate import AuthRequest, allows, decide, global_keys
from cumulet.auth.policy.parse import parse
from cumulet.base.context import ANONYMOUS, Principal, root, service

ACCOUNT = "111122223333"
ANN = Principal("user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "AIDA1", "ann", tags={"Team": "red", "Dot": "a*"})
ROLE = Principal("role", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/app/s1", "AROA1:s1", "app", "s1")
FEDERATED = Principal("federated", "", "accounts.google.com", "113311", "accounts.google.com")
BUCKET = "arn:aws:s3:::photos"
S3 = service("s3.amazonaws.com", ACCOUNT, BUCKET)


def verdict(
    statements: Any, action: str, resource: str, who: Principal = ANN, kind: str = "identity", **keys: Any
) -> str:
    """`Allow`, `Deny` or `None` for one request; keyword arguments are condition keys, `__` for `:` and `_` for `-`."""
    more = {name.replace("__", ":").replace("_", "-"): value for name, value in keys.items()}
    policy = parse(json.dumps({"Version": "2012-10-17", "Statement": statements}), kind)
    context = global_keys(who, now=1_767_225_600, region="eu-west-1", source_ip="203.0.113.7", secure=True, more=more)
    return decide(policy.statements, AuthRequest(action, resource, who, context)).effect


def allow(action: Any = "*", resource: Any = "*", condition: Any = None, **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", **more}
    if "NotAction" not in more:
        statement["Action"] = action
    if "NotResource" not in more:
        statement["Resource"] = resource
    if condition is not None:
        statement["Condition"] = condition
    return statement


GET, KEY = "s3:GetObject", BUCKET + "/a/b.jpg"

ELEMENTS: list[tuple[Any, str, str, str]] = [
    # Action
    (allow("*"), GET, KEY, "Allow"),
    (allow("s3:*"), GET, KEY, "Allow"),
    (allow("s3:Get*"), GET, KEY, "Allow"),
    (allow("s3:get*"), "S3:GETOBJECT", KEY, "Allow"),
    (allow("s3:GetObject"), "s3:GetObjectAcl", KEY, "None"),
    (allow("s3:*Object"), GET, KEY, "Allow"),
    (allow("s3:*Object"), "s3:GetObjectAcl", KEY, "None"),
    (allow("s3:?etObject"), GET, KEY, "Allow"),
    (allow("s3:?GetObject"), GET, KEY, "None"),
    (allow("iam:*AccessKey*"), "iam:CreateAccessKey", "*", "Allow"),
    (allow(["sqs:SendMessage", "s3:GetObject"]), GET, KEY, "Allow"),
    (allow("sqs:*"), GET, KEY, "None"),
    (allow(NotAction="iam:*"), GET, KEY, "Allow"),
    (allow(NotAction="iam:*"), "iam:CreateUser", "*", "None"),
    (allow(NotAction=["iam:*", "s3:Get*"]), GET, KEY, "None"),
    # Resource
    (allow(GET, KEY), GET, KEY, "Allow"),
    (allow(GET, BUCKET + "/*"), GET, KEY, "Allow"),
    (allow(GET, BUCKET), GET, KEY, "None"),
    (allow(GET, BUCKET + "/*"), GET, BUCKET, "None"),
    (allow(GET, BUCKET + "/A/*"), GET, KEY, "None"),
    (allow(GET, BUCKET + "/?/b.jpg"), GET, KEY, "Allow"),
    (allow(GET, BUCKET + "/*/b.*g"), GET, KEY, "Allow"),
    (allow(GET, BUCKET + "/*/*/b.jpg"), GET, KEY, "None"),
    (allow(GET, ["arn:aws:s3:::other/*", BUCKET + "/*"]), GET, KEY, "Allow"),
    (
        allow("sqs:*", "arn:aws:sqs:*:111122223333:*"),
        "sqs:SendMessage",
        "arn:aws:sqs:eu-west-1:111122223333:q",
        "Allow",
    ),
    (allow("sqs:*", "arn:aws:sqs:*:111122223333:*"), "sqs:SendMessage", "arn:aws:sqs:eu-west-1:444455556666:q", "None"),
    (allow(NotResource=BUCKET + "/*"), GET, KEY, "None"),
    (allow(NotResource=BUCKET + "/*"), GET, "arn:aws:s3:::other/k", "Allow"),
    # Variables
    (allow(GET, BUCKET + "/${aws:username}/*"), GET, BUCKET + "/ann/x", "Allow"),
    (allow(GET, BUCKET + "/${aws:username}/*"), GET, BUCKET + "/bob/x", "None"),
    (allow(GET, BUCKET + "/${aws:USERNAME}/*"), GET, BUCKET + "/ann/x", "Allow"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/team}/*"), GET, BUCKET + "/red/x", "Allow"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/dot}"), GET, BUCKET + "/ab", "None"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/dot}"), GET, BUCKET + "/a*", "Allow"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/none, 'company'}/*"), GET, BUCKET + "/company/x", "Allow"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/team, 'company'}/*"), GET, BUCKET + "/company/x", "None"),
    (allow(GET, BUCKET + "/${aws:PrincipalTag/none}/*"), GET, BUCKET + "//x", "None"),
    (allow(GET, BUCKET + "/${*}/x"), GET, BUCKET + "/*/x", "Allow"),
    (allow(GET, BUCKET + "/${*}/x"), GET, BUCKET + "/a/x", "None"),
    (allow(GET, BUCKET + "/${?}${$}"), GET, BUCKET + "/?$", "Allow"),
    # Evaluation
    ([allow(), {**allow(GET), "Effect": "Deny"}], GET, KEY, "Deny"),
    ([{**allow(GET), "Effect": "Deny"}, allow()], GET, KEY, "Deny"),
    ([{**allow("iam:*"), "Effect": "Deny"}, allow("s3:*")], GET, KEY, "Allow"),
    ([{**allow(NotAction="s3:*"), "Effect": "Deny"}], GET, KEY, "None"),
    ([{**allow(NotAction="s3:*"), "Effect": "Deny"}], "iam:CreateUser", "*", "Deny"),
    ([allow("sqs:*"), allow(GET, KEY)], GET, KEY, "Allow"),
]


@pytest.mark.parametrize(("statements", "action", "resource", "expected"), ELEMENTS)
def test_actions_resources_variables_and_denies(statements: Any, action: str, resource: str, expected: str) -> None:
    assert verdict(statements, action, resource) == expected


IP = "203.0.113.7"
CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    # Strings
    ({"StringEquals": {"s3:prefix": "home/"}}, {"s3__prefix": "home/"}, True),
    ({"StringEquals": {"S3:Prefix": "home/"}}, {"s3__prefix": "home/"}, True),
    ({"StringEquals": {"s3:prefix": "home/"}}, {"s3__prefix": "Home/"}, False),
    ({"StringEquals": {"s3:prefix": "home/*"}}, {"s3__prefix": "home/x"}, False),
    ({"StringEquals": {"s3:prefix": ["", "home/"]}}, {"s3__prefix": ""}, True),
    ({"StringEquals": {"s3:prefix": "home/"}}, {}, False),
    ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3__prefix": "c"}, True),
    ({"StringNotEquals": {"s3:prefix": ["a", "b"]}}, {"s3__prefix": "b"}, False),
    ({"StringNotEquals": {"s3:prefix": "a"}}, {}, True),
    ({"StringEqualsIgnoreCase": {"s3:prefix": "home/"}}, {"s3__prefix": "HOME/"}, True),
    ({"StringNotEqualsIgnoreCase": {"s3:prefix": "home/"}}, {"s3__prefix": "HOME/"}, False),
    ({"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}}, {"s3__prefix": "home/ann/x"}, True),
    ({"StringLike": {"s3:prefix": "home/${aws:username}/*"}}, {"s3__prefix": "home/bob/x"}, False),
    ({"StringLike": {"s3:prefix": "h?me*"}}, {"s3__prefix": "home"}, True),
    ({"StringNotLike": {"s3:prefix": "h*"}}, {"s3__prefix": "home"}, False),
    ({"StringNotLike": {"s3:prefix": "h*"}}, {}, True),
    ({"StringEquals": {"aws:PrincipalTag/TEAM": "red"}}, {}, True),
    ({"StringEquals": {"aws:username": "${aws:username}"}}, {}, True),
    # Numbers
    ({"NumericLessThanEquals": {"s3:max-keys": "10"}}, {"s3__max_keys": "10"}, True),
    ({"NumericLessThanEquals": {"s3:max-keys": 10}}, {"s3__max_keys": "11"}, False),
    ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3__max_keys": "9.99"}, True),
    ({"NumericGreaterThan": {"s3:max-keys": "10"}}, {"s3__max_keys": "10"}, False),
    ({"NumericGreaterThanEquals": {"s3:max-keys": "10"}}, {"s3__max_keys": "10.0"}, True),
    ({"NumericEquals": {"s3:max-keys": "10"}}, {"s3__max_keys": "10.0"}, True),
    ({"NumericNotEquals": {"s3:max-keys": "10"}}, {"s3__max_keys": "11"}, True),
    ({"NumericEquals": {"s3:max-keys": "10"}}, {"s3__max_keys": "ten"}, False),
    ({"NumericEquals": {"s3:max-keys": "NaN"}}, {"s3__max_keys": "NaN"}, False),
    # Dates: the request is made at 2026-01-01T00:00:00Z
    ({"DateGreaterThan": {"aws:CurrentTime": "2025-12-31T23:59:59Z"}}, {}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, {}, False),
    ({"DateLessThanEquals": {"aws:CurrentTime": "2026-01-01T01:00:00+01:00"}}, {}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2026-07"}}, {}, True),
    ({"DateEquals": {"aws:CurrentTime": "2026"}}, {}, True),
    ({"DateNotEquals": {"aws:CurrentTime": "2026-01-01"}}, {}, False),
    ({"DateGreaterThanEquals": {"aws:EpochTime": "1767225600"}}, {}, True),
    ({"DateGreaterThan": {"x:when": "2025-12-31"}}, {"x__when": "some day"}, False),
    ({"DateLessThan": {"aws:CurrentTime": "99999999999999999"}}, {}, False),
    # Booleans, binary, addresses
    ({"Bool": {"aws:SecureTransport": "true"}}, {}, True),
    ({"Bool": {"aws:SecureTransport": False}}, {}, False),
    ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, {}, False),
    ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, {}, True),
    ({"BinaryEquals": {"x:key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}, {"x__key": "QmluYXJ5VmFsdWVJbkJhc2U2NA=="}, True),
    ({"BinaryEquals": {"x:key": "QmluYXJ5"}}, {"x__key": "QmluYXJ6"}, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {}, True),
    ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", IP]}}, {}, True),
    ({"IpAddress": {"aws:SourceIp": "2001:DB8:1234:5678::/64"}}, {"aws__SourceIp": "2001:db8:1234:5678::1"}, True),
    ({"IpAddress": {"aws:SourceIp": "2001:DB8::/32"}}, {}, False),
    ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]}}, {}, False),
    ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {}, True),
    # ARNs
    (
        {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*:111122223333:t"}},
        {"aws__SourceArn": "arn:aws:sns:eu-west-1:111122223333:t"},
        True,
    ),
    (
        {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:t"}},
        {"aws__SourceArn": "arn:aws:sns:eu-west-1:111122223333:t"},
        False,
    ),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::ph*"}}, {"aws__SourceArn": BUCKET}, True),
    (
        {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:${aws:username}"}},
        {"aws__SourceArn": "arn:aws:sns:r:1:ann"},
        True,
    ),
    ({"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::ph*"}}, {"aws__SourceArn": BUCKET}, False),
    ({"ArnNotEquals": {"aws:SourceArn": "arn:aws:s3:::ph*"}}, {}, True),
    ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}, {}, True),
    # Null, IfExists, sets
    ({"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
    ({"Null": {"aws:TokenIssueTime": "false"}}, {}, False),
    ({"Null": {"aws:username": False}}, {}, True),
    ({"StringLikeIfExists": {"ec2:InstanceType": "t1.*"}}, {}, True),
    ({"StringLikeIfExists": {"ec2:InstanceType": "t1.*"}}, {"ec2__InstanceType": "m1.large"}, False),
    ({"NumericLessThanIfExists": {"s3:max-keys": "5"}}, {"s3__max_keys": "4"}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env", "team"]}}, {"aws__TagKeys": ["env"]}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env", "team"]}}, {"aws__TagKeys": ["env", "cost"]}, False),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}, {}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": []}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": [""]}, True),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": ["", "cost"]}, False),
    ({"ForAnyValue:StringEqualsIfExists": {"aws:TagKeys": ["env"]}}, {}, True),
    ({"StringEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": ["cost", "env"]}, True),
    ({"StringNotEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": ["cost", "env"]}, False),
    ({"NumericLessThan": {"s3:max-keys": "1_000"}}, {"s3__max_keys": "1"}, False),
    ({"NumericLessThan": {"s3:max-keys": "1e3"}}, {"s3__max_keys": "999"}, True),
    ({"NumericGreaterThan": {"s3:max-keys": "-1"}}, {"s3__max_keys": " 0 "}, True),
    ({"NumericNotEquals": {"s3:max-keys": "10"}}, {}, True),
    ({"NumericEqualsIfExists": {"s3:max-keys": "10"}}, {}, True),
    ({"Bool": {"aws:SecureTransport": "TRUE"}}, {}, True),
    ({"Bool": {"aws:SecureTransport": "yes"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.7/33"}}, {}, False),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.200/24"}}, {}, True),
    ({"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws__SourceIp": "no address"}, True),
    ({"NotIpAddress": {"x:ip": "203.0.113.0/24"}}, {}, True),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:a:*"}}, {"aws__SourceArn": "arn:aws:sns:r:1:a:b:c"}, True),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s?s:*:*:t"}}, {"aws__SourceArn": "arn:aws:sns:r:1:t"}, True),
    ({"ArnEquals": {"aws:SourceArn": "arn:aws:sns:*"}}, {"aws__SourceArn": "arn:aws:sns:r:1:t"}, False),
    ({"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:sns:*:*:t"}}, {}, True),
    ({"DateLessThanIfExists": {"x:when": "2026-01-01"}}, {}, True),
    ({"DateEquals": {"aws:EpochTime": "2026-01-01T00:00:00Z"}}, {}, True),
    ({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00.500Z"}}, {}, True),
    ({"Null": {"aws:TagKeys": "false"}}, {"aws__TagKeys": ["a", "b"]}, True),
    ({"StringLike": {"x:a": "${aws:username, 'nobody'}-*"}}, {"x__a": "ann-1"}, True),
    ({"StringLike": {"x:a": "${aws:FederatedProvider, 'nobody'}-*"}}, {"x__a": "nobody-1"}, True),
    ({"StringLike": {"x:a": "${aws:FederatedProvider}-*"}}, {"x__a": "-1"}, False),
    ({"StringNotLike": {"x:a": "${*}.${?}.${$}"}}, {"x__a": "*.?.$"}, False),
    ({"StringEqualsIgnoreCase": {"x:a": "${aws:username}"}}, {"x__a": "ANN"}, True),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["env", "team"]}}, {"aws__TagKeys": ["cost", "team"]}, True),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["env", "team"]}}, {"aws__TagKeys": ["cost"]}, False),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["env"]}}, {}, False),
    ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["env"]}}, {"aws__TagKeys": ["env", "cost"]}, True),
    ({"ForAllValues:StringNotLike": {"aws:TagKeys": ["e*"]}}, {"aws__TagKeys": ["env", "cost"]}, False),
    ({"forallvalues:stringlike": {"aws:TagKeys": ["e*", "c*"]}}, {"aws__TagKeys": ["env", "cost"]}, True),
    # Several operators and several keys must all hold
    ({"StringEquals": {"aws:username": "ann"}, "Bool": {"aws:SecureTransport": "true"}}, {}, True),
    ({"StringEquals": {"aws:username": "ann"}, "Bool": {"aws:SecureTransport": "false"}}, {}, False),
    ({"StringEquals": {"aws:username": "ann", "aws:RequestedRegion": "us-east-1"}}, {}, False),
    ({"StringEquals": {"aws:username": "ann", "aws:RequestedRegion": "eu-west-1"}}, {}, True),
]


@pytest.mark.parametrize(("condition", "keys", "expected"), CONDITIONS)
def test_conditions(condition: dict[str, Any], keys: dict[str, Any], expected: bool) -> None:
    assert (verdict(allow(condition=condition), GET, KEY, **keys) == "Allow") is expected


ROOT = f"arn:aws:iam::{ACCOUNT}:root"
PRINCIPALS: list[tuple[Any, Principal, bool]] = [
    ("*", ANN, True),
    ("*", ANONYMOUS, True),
    ({"AWS": "*"}, ANONYMOUS, True),
    ({"AWS": ACCOUNT}, ANN, True),
    ({"AWS": ROOT}, ANN, True),
    ({"AWS": ROOT}, ROLE, True),
    ({"AWS": ROOT}, root(ACCOUNT), True),
    ({"AWS": ROOT}, root("444455556666"), False),
    ({"AWS": ROOT}, ANONYMOUS, False),
    ({"AWS": ROOT}, S3, False),
    ({"AWS": ANN.arn}, ANN, True),
    ({"AWS": ANN.arn}, root(ACCOUNT), False),
    ({"AWS": ["444455556666", ANN.arn]}, ANN, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/app"}, ROLE, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/path/app"}, ROLE, True),
    ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/application"}, ROLE, False),
    ({"AWS": "arn:aws:iam::444455556666:role/app"}, ROLE, False),
    ({"AWS": ROLE.arn}, ROLE, True),
    ({"AWS": ROLE.arn.replace("/s1", "/s2")}, ROLE, False),
    ({"Service": "s3.amazonaws.com"}, S3, True),
    ({"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}, S3, True),
    ({"Service": "lambda.amazonaws.com"}, S3, False),
    ({"Service": "s3.amazonaws.com"}, ANN, False),
    ({"Federated": "accounts.google.com"}, FEDERATED, True),
    ({"Federated": "graph.facebook.com"}, FEDERATED, False),
    ({"AWS": ANN.arn, "Service": "s3.amazonaws.com"}, S3, True),
]


@pytest.mark.parametrize(("element", "who", "expected"), PRINCIPALS)
def test_principals(element: Any, who: Principal, expected: bool) -> None:
    assert (verdict(allow(Principal=element), GET, KEY, who, "resource") == "Allow") is expected
    assert (verdict(allow(NotPrincipal=element), GET, KEY, who, "resource") == "Allow") is not expected


TRUST = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"""


def test_a_role_that_lambda_may_assume() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/app"
    policy = parse(TRUST, "trust")
    assert allows(policy, "sts:AssumeRole", role, service("lambda.amazonaws.com", ACCOUNT))
    assert not allows(policy, "sts:AssumeRole", role, service("ec2.amazonaws.com", ACCOUNT))
    assert not allows(policy, "sts:AssumeRole", role, root(ACCOUNT))
    assert not allows(policy, "sts:TagSession", role, service("lambda.amazonaws.com", ACCOUNT))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, True),
        ({"ArnLike": {"AWS:SourceArn": BUCKET}}, True),
        ({"ArnLike": {"AWS:SourceArn": BUCKET + "-other"}}, False),
        ({"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": BUCKET}}, True),
        ({"StringEquals": {"AWS:SourceAccount": "444455556666"}, "ArnLike": {"AWS:SourceArn": BUCKET}}, False),
    ],
)
def test_a_function_that_s3_may_invoke(conditions: Any, expected: bool) -> None:
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:thumb"
    document = {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [
            {
                "Sid": "s3",
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "lambda:InvokeFunction",
                "Resource": function,
                "Condition": conditions,
            }
        ],
    }
    policy = parse(json.dumps(document), "resource")
    assert allows(policy, "lambda:InvokeFunction", function, S3) is expected
    assert not allows(policy, "lambda:InvokeFunction", function + "2", S3)
    assert not allows(policy, "lambda:DeleteFunction", function, S3)


def test_the_decision_names_the_statement() -> None:
    statements = [
        {**allow("s3:*"), "Sid": "AllowS3"},
        {**allow(GET, BUCKET + "/secret/*"), "Sid": "No", "Effect": "Deny"},
    ]
    policy = parse(json.dumps({"Version": "2012-10-17", "Statement": statements}), "identity")
    for resource, effect, sid in ((KEY, "Allow", "AllowS3"), (BUCKET + "/secret/x", "Deny", "No")):
        decision = decide(policy.statements, AuthRequest(GET, resource, ANN))
        assert decision.statement is not None
        assert (decision.effect, decision.statement.sid, decision.allowed) == (effect, sid, effect == "Allow")
    assert decide(policy.statements, AuthRequest("iam:GetUser", "*", ANN)) == ("None", None)


def test_variables_are_plain_text_in_the_old_version() -> None:
    document = {"Version": "2008-10-17", "Statement": allow(GET, BUCKET + "/${aws:username}", Principal="*")}
    policy = parse(json.dumps(document), "resource")
    for resource, allowed in ((BUCKET + "/ann", False), (BUCKET + "/${aws:username}", True)):
        request = AuthRequest(GET, resource, ANN, global_keys(ANN))
        assert decide(policy.statements, request).allowed is allowed
