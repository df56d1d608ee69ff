"""Whole policies of the documentation, asked what the text around them says: IAM User Guide, 'Example IAM identity-based
policies', 'IAM policy elements: Variables and tags', 'Access policy elements'; DynamoDB Developer Guide, 'Using IAM policy
conditions for fine-grained access control'.
"""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.auth.policy.authorise import Authority, authorise
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.auth.policy.model import Named
from cumulet.auth.policy.parse import load
from cumulet.base.context import Principal

A = "111122223333"
ANN = Principal("user", A, f"arn:aws:iam::{A}:user/ann", "AIDAANNANNANNANNANNA", "ann", tags={"team": "red"})
BUCKET = "arn:aws:s3:::photos"
KEY = BUCKET + "/a.jpg"
GET = "s3:GetObject"


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


HOME_FOLDER = [
    allow(["s3:ListAllMyBuckets", "s3:GetBucketLocation"], "*"),
    allow("s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}}),
    allow("s3:*", [BUCKET + "/home/${aws:username}", BUCKET + "/home/${aws:username}/*"]),
]
MFA = [
    allow("iam:GetUser", "arn:aws:iam::*:user/${aws:username}"),
    {
        "Sid": "DenyAllExceptListedIfNoMFA",
        "Effect": "Deny",
        "NotAction": ["iam:GetUser", "sts:GetSessionToken"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    },
    allow("s3:*"),
]
PAYROLL = [
    allow("s3:*"),
    {"Effect": "Deny", "Action": "s3:*", "NotResource": [BUCKET + "/Payroll", BUCKET + "/Payroll/*"]},
]
REGIONS = [
    allow(),
    {
        "Sid": "DenyAllOutsideEU",
        "Effect": "Deny",
        "NotAction": ["iam:*", "cloudfront:*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
    },
]
PASS_ROLE = [
    allow(
        "iam:PassRole",
        f"arn:aws:iam::{A}:role/app-*",
        Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    )
]
DELEGATE = [
    {
        "Effect": "Allow",
        "Action": ["iam:CreateUser", "iam:AttachUserPolicy"],
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PermissionsBoundary": f"arn:aws:iam::{A}:policy/XCompanyBoundaries"}},
    }
]
TAGS = [
    allow(
        "ec2:StartInstances",
        f"arn:aws:ec2:*:{A}:instance/*",
        Condition={"StringEquals": {"aws:ResourceTag/Team": "${aws:PrincipalTag/team}"}},
    ),
    allow(
        "ec2:CreateTags",
        "*",
        Condition={
            "StringEquals": {"aws:RequestTag/env": ["prod", "test"]},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["env", "owner"]},
        },
    ),
]
LEADING_KEYS = [
    allow(
        ["dynamodb:GetItem", "dynamodb:Query"],
        f"arn:aws:dynamodb:eu-west-1:{A}:table/GameScores",
        Condition={
            "ForAllValues:StringEquals": {
                "dynamodb:LeadingKeys": ["${aws:userid}"],
                "dynamodb:Attributes": ["UserId", "Top"],
            },
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        },
    )
]
TABLE = f"arn:aws:dynamodb:eu-west-1:{A}:table/GameScores"
WINDOW = [
    allow(
        "sqs:*",
        "*",
        Condition={
            "DateGreaterThan": {"aws:CurrentTime": "2025-12-31T00:00:00Z"},
            "DateLessThan": {"aws:CurrentTime": "2026-06-30T23:59:59Z"},
        },
    )
]
NETWORK = [
    allow("s3:*"),
    deny(
        "*",
        "*",
        Condition={
            "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "203.0.113.0/24"]},
            "BoolIfExists": {"aws:ViaAWSService": "false"},
        },
    ),
]
INSTANCE = f"arn:aws:ec2:eu-west-1:{A}:instance/i-1"
EXAMPLES: list[tuple[list[Any], str, str, dict[str, Any], bool]] = [
    (HOME_FOLDER, "s3:ListAllMyBuckets", "*", {}, True),
    (HOME_FOLDER, "s3:ListBucket", BUCKET, {"s3__prefix": ""}, True),
    (HOME_FOLDER, "s3:ListBucket", BUCKET, {"s3__prefix": "home/ann/x"}, True),
    (HOME_FOLDER, "s3:ListBucket", BUCKET, {"s3__prefix": "home/bob/x"}, False),
    (HOME_FOLDER, "s3:ListBucket", BUCKET, {}, False),
    (HOME_FOLDER, "s3:PutObject", BUCKET + "/home/ann/x", {}, True),
    (HOME_FOLDER, "s3:PutObject", BUCKET + "/home/annabel/x", {}, False),
    (MFA, "iam:GetUser", ANN.arn, {}, True),
    (MFA, "iam:GetUser", f"arn:aws:iam::{A}:user/bob", {}, False),
    (MFA, GET, KEY, {}, False),
    (MFA, GET, KEY, {"aws__MultiFactorAuthPresent": "false"}, False),
    (MFA, GET, KEY, {"aws__MultiFactorAuthPresent": "true"}, True),
    (PAYROLL, GET, BUCKET + "/Payroll/june", {}, True),
    (PAYROLL, GET, BUCKET + "/Salaries/june", {}, False),
    (REGIONS, "s3:CreateBucket", BUCKET, {}, True),
    (REGIONS, "s3:CreateBucket", BUCKET, {"aws__RequestedRegion": "us-east-1"}, False),
    (REGIONS, "iam:CreateUser", "*", {"aws__RequestedRegion": "us-east-1"}, True),
    (PASS_ROLE, "iam:PassRole", f"arn:aws:iam::{A}:role/app-1", {"iam__PassedToService": "lambda.amazonaws.com"}, True),
    (PASS_ROLE, "iam:PassRole", f"arn:aws:iam::{A}:role/app-1", {"iam__PassedToService": "ec2.amazonaws.com"}, False),
    (
        PASS_ROLE,
        "iam:PassRole",
        f"arn:aws:iam::{A}:role/admin",
        {"iam__PassedToService": "lambda.amazonaws.com"},
        False,
    ),
    (
        DELEGATE,
        "iam:CreateUser",
        f"arn:aws:iam::{A}:user/new",
        {"iam__PermissionsBoundary": f"arn:aws:iam::{A}:policy/XCompanyBoundaries"},
        True,
    ),
    (DELEGATE, "iam:CreateUser", f"arn:aws:iam::{A}:user/new", {}, False),
    (TAGS, "ec2:StartInstances", INSTANCE, {"aws__ResourceTag/Team": "red"}, True),
    (TAGS, "ec2:StartInstances", INSTANCE, {"aws__ResourceTag/Team": "blue"}, False),
    (TAGS, "ec2:StartInstances", INSTANCE, {}, False),
    (TAGS, "ec2:CreateTags", INSTANCE, {"aws__RequestTag/env": "prod", "aws__TagKeys": ["env"]}, True),
    (TAGS, "ec2:CreateTags", INSTANCE, {"aws__RequestTag/env": "dev", "aws__TagKeys": ["env"]}, False),
    (TAGS, "ec2:CreateTags", INSTANCE, {"aws__RequestTag/env": "prod", "aws__TagKeys": ["env", "cost"]}, False),
    (LEADING_KEYS, "dynamodb:GetItem", TABLE, {"dynamodb__LeadingKeys": [ANN.user_id]}, True),
    (LEADING_KEYS, "dynamodb:GetItem", TABLE, {"dynamodb__LeadingKeys": [ANN.user_id, "other"]}, False),
    (
        LEADING_KEYS,
        "dynamodb:Query",
        TABLE,
        {
            "dynamodb__LeadingKeys": [ANN.user_id],
            "dynamodb__Attributes": ["UserId"],
            "dynamodb__Select": "SPECIFIC_ATTRIBUTES",
        },
        True,
    ),
    (
        LEADING_KEYS,
        "dynamodb:Query",
        TABLE,
        {"dynamodb__LeadingKeys": [ANN.user_id], "dynamodb__Select": "COUNT"},
        False,
    ),
    (WINDOW, "sqs:SendMessage", "*", {}, True),
    (WINDOW, "sqs:SendMessage", "*", {"aws__CurrentTime": "2026-07-01T00:00:00Z"}, False),
    (NETWORK, GET, KEY, {}, True),
    (NETWORK, GET, KEY, {"aws__SourceIp": "198.51.100.1"}, False),
    (NETWORK, GET, KEY, {"aws__SourceIp": "::ffff:203.0.113.9"}, True),
    (NETWORK, GET, KEY, {"aws__SourceIp": "198.51.100.1", "aws__ViaAWSService": "true"}, True),
]


@pytest.mark.parametrize(("statements", "action", "resource", "keys", "expected"), EXAMPLES)
def test_policies_of_the_documentation(
    statements: list[Any], action: str, resource: str, keys: dict[str, Any], expected: bool
) -> None:
    more = {name.replace("__", ":"): value for name, value in keys.items()}
    context = LazyContext(ANN, now=1_767_225_600, region="eu-west-1", source_ip="203.0.113.7", secure=True, more=more)
    policy = Named("documented", load({"Version": "2012-10-17", "Statement": statements}, "identity"))
    request = AuthRequest(action, resource, ANN, context)
    assert authorise(request, Authority([policy]), resource_policy=None, resource_account=A).allowed is expected
