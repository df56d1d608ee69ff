"""What is no policy, and IAM's words for it; wildcards against an oracle, and hostile ones against the clock."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.auth.policy.conditions import _OPERATORS as OPERATORS
from cumulet.auth.policy.conditions import compile_one
from cumulet.auth.policy.evaluate import AuthRequest, decide
from cumulet.auth.policy.match import pattern
from cumulet.auth.policy.parse import load, parse
from cumulet.base.context import ANONYMOUS
from cumulet.base.errors import AwsError

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUSTING: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "lambda.amazonaws.com"},
}
SYNTAX = "Syntax errors in policy."
VERSION = "Policy document must be version 2012-10-17 or greater."
LEGACY = "The policy failed legacy parsing"
SID = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
REGEXES = "Resource vendor must be fully qualified and cannot contain regexes."
IAM_PATH = (
    'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, '
    "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."
)
BUCKET = "arn:aws:s3:::photos"
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def without(statement: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name not in names} | more


FAULTS: list[tuple[str, Any, str]] = [
    ("identity", "{oops", SYNTAX),
    ("identity", "", SYNTAX),
    ("identity", "[]", SYNTAX),
    ("identity", "null", SYNTAX),
    ("identity", "{}", SYNTAX),
    ("identity", {"Version": "2012-10-17"}, SYNTAX),
    ("identity", {"Version": "2012-10-17", "Statement": []}, SYNTAX),
    ("identity", {"Version": "2008-10-17", "Statement": GOOD}, VERSION),
    ("identity", {"Version": "2012-10-18", "Statement": GOOD}, SYNTAX),
    ("identity", {"Version": "2012-10-17", "Statement": GOOD, "Extra": 1}, SYNTAX),
    ("identity", without(GOOD, "Action"), "Policy statement must contain actions."),
    ("identity", without(GOOD, Action=[]), "Policy statement must contain actions."),
    ("identity", without(GOOD, "Resource"), "Policy statement must contain resources."),
    ("identity", without(GOOD, Resource=[]), "Policy statement must contain resources."),
    ("identity", without(GOOD, Resource=None), SYNTAX),
    ("identity", without(GOOD, Resource="photos"), 'Resource photos must be in ARN format or "*".'),
    ("identity", without(GOOD, Action="GetObject"), VENDOR),
    ("identity", without(GOOD, Action="s3:Get:Object"), "Actions/Condition can contain only one colon."),
    ("identity", without(GOOD, Action="s 3:Get"), "Vendor s 3 is not valid"),
    ("identity", without(GOOD, Action="s3:"), SYNTAX),
    ("identity", without(GOOD, Action={"a": 1}), SYNTAX),
    ("identity", without(GOOD, Effect="allow"), LEGACY),
    ("identity", without(GOOD, "Effect"), SYNTAX),
    ("identity", without(GOOD, NotAction="iam:*"), SYNTAX),
    ("identity", without(GOOD, NotResource="*"), SYNTAX),
    ("identity", without(GOOD, Sid="no spaces"), SID),
    ("identity", without(GOOD, Sid=3), SYNTAX),
    ("identity", without(GOOD, Colour="red"), SYNTAX),
    ("identity", without(GOOD, Principal="*"), "Policy document should not specify a principal."),
    ("identity", without(GOOD, Condition=[]), SYNTAX),
    ("identity", without(GOOD, Condition={"StringEquals": "x"}), SYNTAX),
    ("identity", without(GOOD, Condition={"StringEquals": {"a:b": {"c": 1}}}), SYNTAX),
    ("identity", without(GOOD, Condition={"StringIs": {"a:b": "c"}}), SYNTAX),
    ("identity", without(GOOD, Condition={"Null": {"a:b": "perhaps"}}), SYNTAX),
    (
        "identity",
        [without(GOOD, Sid="a"), without(GOOD, Sid="a")],
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    # Of several faults the earliest pass names its own.
    ("identity", {"Version": "2008-10-17", "Statement": without(GOOD, Effect="Maybe")}, SYNTAX),
    ("identity", {"Statement": without(GOOD, Effect="denY")}, VERSION),
    ("identity", without(GOOD, Effect="denY", Resource="photos"), LEGACY),
    ("identity", without(GOOD, Sid="a b", Resource="photos"), SID),
    (
        "identity",
        [without(GOOD, Sid="a"), {"Effect": "Allow", "Sid": "a"}],
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    ("identity", without(GOOD, Action="nope", Resource="photos"), 'Resource photos must be in ARN format or "*".'),
    ("identity", without(GOOD, "Resource", Action="nope"), VENDOR),
    ("identity", {"Version": "2012-10-17", "Statement": {"Effect": "Allow"}}, "Policy statement must contain actions."),
    ("identity", [{"Effect": "Deny"}, GOOD], "Policy statement must contain actions."),
    # Actions
    ("identity", without(GOOD, "Action", NotAction=""), VENDOR),
    ("identity", without(GOOD, Action="s3*:Get"), "Vendor s3* is not valid"),
    ("identity", [GOOD, without(GOOD, Action="s:3s:List")], "Actions/Condition can contain only one colon."),
    ("identity", without(GOOD, Action=[[]]), SYNTAX),
    ("identity", without(GOOD, Action=[], NotAction="s3:List"), SYNTAX),
    # Resources
    ("identity", without(GOOD, Resource=""), 'Resource  must be in ARN format or "*".'),
    ("identity", without(GOOD, Resource=["*", "photos*"]), 'Resource photos* must be in ARN format or "*".'),
    ("identity", without(GOOD, Resource="foo:aws:s3:::b"), 'Resource foo:aws:s3:::b must be in ARN format or "*".'),
    ("identity", without(GOOD, Resource="a:bc"), 'Partition "bc" is not valid for resource "arn:bc:*:*:*:*".'),
    ("identity", without(GOOD, Resource="a:b:c"), 'Partition "b" is not valid for resource "arn:b:c:*:*:*".'),
    ("identity", without(GOOD, Resource="a:b:c:d:e:f:g"), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g".'),
    ("identity", without(GOOD, Resource="aws:s3:::b"), 'Partition "s3" is not valid for resource "arn:s3:::b:*".'),
    (
        "identity",
        without(GOOD, Resource="arn:error:s3:::b"),
        'Partition "error" is not valid for resource "arn:error:s3:::b".',
    ),
    ("identity", without(GOOD, Resource="arn:aws"), REGEXES),
    ("identity", without(GOOD, Resource="arn:aws:s*:::b"), REGEXES),
    ("identity", without(GOOD, Resource="arn:aws:s3::b"), LEGACY),
    ("identity", without(GOOD, Resource="arn:aws::b"), LEGACY),
    ("identity", without(GOOD, Resource="arn:aws::::b"), LEGACY),
    ("identity", without(GOOD, "Resource", NotResource="arn:aws:s3::b"), LEGACY),
    (
        "identity",
        without(GOOD, Resource="arn:aws:iam:us-east-1::b"),
        "IAM resource arn:aws:iam:us-east-1::b cannot contain region information.",
    ),
    (
        "identity",
        without(GOOD, Resource="arn:aws:s3:us-east-1::b"),
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
    ("identity", without(GOOD, Resource="arn:aws:iam:::b"), IAM_PATH),
    ("identity", without(GOOD, Resource={"a": BUCKET}), SYNTAX),
    ("identity", without(GOOD, Resource=["adf", {}]), SYNTAX),
    ("identity", without(GOOD, NotResource=[]), SYNTAX),
    # Conditions
    ("identity", without(GOOD, Condition="a"), SYNTAX),
    ("identity", without(GOOD, Condition=[{"Bool": {"a:b": "true"}}]), SYNTAX),
    ("identity", without(GOOD, Condition={"DateGreaterThan": []}), SYNTAX),
    ("identity", without(GOOD, Condition={"ForAnyValue::StringEquals": {"a": "b"}}), SYNTAX),
    ("identity", without(GOOD, Condition={"ForAnyValue:Null": {"a": "true"}}), SYNTAX),
    ("identity", without(GOOD, Condition={"StringEqualsIfExistsIfExists": {"a": "b"}}), SYNTAX),
    ("identity", without(GOOD, Condition={"StringEquals": {"a": None}}), SYNTAX),
    ("identity", without(GOOD, Condition={"DateGreaterThan": {"a": "sdfdsf"}}), LEGACY),
    ("identity", without(GOOD, Condition={"DateLessThanEqualsIfExists": {"a": ["2026", "234-13"]}}), LEGACY),
    ("identity", without(GOOD, Condition={"DateLessThan": {"a": "9223372036854775808"}}), LEGACY),
    ("trust", "{oops", "This policy contains invalid Json"),
    ("trust", without(TRUSTING, Resource="*"), "Has prohibited field Resource"),
    ("trust", without(TRUSTING, "Principal"), "Missing required field Principal"),
    ("trust", without(TRUSTING, "Action"), "Missing required field Action"),
    ("trust", without(TRUSTING, "Effect"), "Missing required field Effect"),
    ("trust", without(TRUSTING, Effect="Maybe"), "Invalid effect: Maybe"),
    ("trust", without(TRUSTING, Action="s3:Get"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ("trust", without(TRUSTING, Action="*"), "AssumeRole policy may only specify STS AssumeRole actions."),
    ("trust", without(TRUSTING, Principal={"AWS": "ann"}), 'Invalid principal in policy: "AWS":"ann"'),
    ("trust", without(TRUSTING, Principal={"Service": "lambda"}), 'Invalid principal in policy: "SERVICE":"lambda"'),
    ("trust", without(TRUSTING, Principal={"Who": "*"}), "Invalid principal in policy"),
    (
        "trust",
        without(TRUSTING, Action="sts:GetCallerIdentity"),
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ),
    ("trust", without(TRUSTING, Principal="*"), 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'),
    ("trust", without(TRUSTING, "Resource", NotResource="*"), "Has prohibited field NotResource"),
    ("trust", without(TRUSTING, effect="Allow"), "Unknown field effect"),
    ("trust", {"Version": "2012-10-17", "statement": [TRUSTING]}, "Unknown field statement"),
    ("trust", {"Version": "2012-10-17"}, "Missing required field Statement"),
    ("trust", {"Version": "2013-10-17", "Statement": [TRUSTING]}, "The policy must contain a valid version string"),
    (
        "trust",
        [without(TRUSTING, Sid="a"), without(TRUSTING, Sid="a")],
        "The Statement Ids in the policy are not unique",
    ),
    ("trust", ["x"], SYNTAX),
    ("resource", "x", "Policies must be valid JSON and the first byte must be '{'"),
    ("resource", without(GOOD, Principal={"AWS": "ann"}), "Invalid principal in policy"),
    ("resource", without(GOOD, Principal={"AWS": "1234567890123"}), "Invalid principal in policy"),
    ("resource", without(GOOD, Principal={"AWS": "arn:aws:iam::123456789012:user/*"}), "Invalid principal in policy"),
    ("resource", without(GOOD, Principal={}), "Invalid principal in policy"),
    ("resource", without(GOOD, Principal="*", NotPrincipal="*"), SYNTAX),
    ("resource", without(GOOD, Principal="*", Resource=[]), "Policy statement must contain resources."),
    ("trust", {"Statement": []}, "Could not parse the policy: Statement is empty!"),
    ("resource", without(GOOD, Principal="*", Condition={"X": {"a": "b"}}), "Invalid Condition type : X"),
    (
        "resource",
        without(GOOD, Principal="*", Condition={"ForSome:Bool": {"a": "b"}}),
        "Invalid Condition type : ForSome:Bool",
    ),
]


@pytest.mark.parametrize(("kind", "document", "message"), FAULTS)
def test_malformed_documents(kind: Any, document: Any, message: str) -> None:
    if isinstance(document, list) or (
        isinstance(document, dict) and "Statement" not in document and "Version" not in document
    ):
        document = {"Version": "2012-10-17", "Statement": document}
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(AwsError) as caught:
        parse(text, kind)
    error = caught.value
    assert (error.code, error.status, error.message) == ("MalformedPolicyDocument", 400, message)


def test_s3s_code_for_the_same() -> None:
    with pytest.raises(AwsError, match="MalformedPolicy: This policy contains invalid Json"):
        parse("{x", "resource", "MalformedPolicy")


WELL: list[tuple[str, Any]] = [
    ("identity", GOOD),
    ("identity", without(GOOD, Action="iam: asdf safdsf af ")),
    ("identity", without(GOOD, Action=["*", "s3.s:List", "s3-s:List", "fsx:*"])),
    ("identity", without(GOOD, Resource=[BUCKET, "*"])),
    ("identity", without(GOOD, Resource="arn:aws:fdsasf")),
    ("identity", without(GOOD, Resource="arn:*:s3:::b")),
    ("identity", without(GOOD, Resource="arn:aws-us-gov:s3:::b")),
    ("identity", without(GOOD, Resource="arn:aws:s3:eu-west-1:123456789012:accesspoint/a")),
    ("identity", without(GOOD, Resource="arn:aws:iam::*:user/${aws:username}")),
    ("identity", without(GOOD, Resource="arn:aws:iam::${aws:PrincipalAccount}:role/x")),
    ("identity", without(GOOD, Resource="arn:aws:iam::aws:policy/x")),
    ("identity", without(GOOD, Resource="arn:aws:iam::*:*")),
    ("identity", without(GOOD, "Action", "Resource", NotAction="iam:*", NotResource="*")),
    ("identity", without(GOOD, Condition={})),
    ("identity", without(GOOD, Condition={"DateGreaterThan": {}, "x": {}})),
    ("identity", without(GOOD, Condition={"DateGreaterThan": {"a": []}})),
    ("identity", without(GOOD, Condition={"StringEqualsIfExists": {"a": "b"}})),
    ("identity", without(GOOD, Condition={"ForAnyValue:StringEqualsIfExists": {"a": "b"}})),
    ("identity", without(GOOD, Condition={"DateLessThanEquals": {"a": "2016-12-13T21:20:37.593194+00:00"}})),
    ("identity", without(GOOD, Condition={"DateLessThan": {"a": "-292275054"}, "NumericLessThan": {"b": 3.5}})),
    ("trust", TRUSTING),
    ("trust", without(TRUSTING, Principal={"AWS": "*"}, Action=["sts:AssumeRole", "sts:TagSession", "sts:*"])),
    (
        "trust",
        without(
            TRUSTING, Principal={"Federated": "cognito-identity.amazonaws.com"}, Action="sts:AssumeRoleWithWebIdentity"
        ),
    ),
    ("resource", without(GOOD, Principal="*", Sid="any thing goes here")),
    ("resource", without(GOOD, Principal={"AWS": ["123456789012", "arn:aws:iam::123456789012:root"]})),
    ("resource", without(GOOD, Principal={"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"})),
    ("resource", without(GOOD, Principal={"AWS": "AIDAJQABLZS4A3QDU576Q", "CanonicalUser": "79a5"})),
    ("resource", without(GOOD, Principal={"Service": ["s3.amazonaws.com", "logs.eu-west-1.amazonaws.com"]})),
]


@pytest.mark.parametrize(("kind", "statement"), WELL)
def test_documents_that_are_accepted(kind: Any, statement: Any) -> None:
    policy = parse(json.dumps({"Version": "2012-10-17", "Statement": statement}), kind)
    assert len(policy.statements) == 1
    assert policy.statements[0].source == statement


def test_an_arn_that_stops_early_covers_whatever_follows() -> None:
    policy = load({"Version": "2012-10-17", "Statement": without(GOOD, Resource="arn:aws:sqs:eu-west-1")}, "identity")
    resources = policy.statements[0].resources
    assert resources is not None
    assert resources("arn:aws:sqs:eu-west-1:123456789012:q", {})
    assert not resources("arn:aws:sqs:us-east-1:123456789012:q", {})


def test_deep_and_strange_json_is_refused() -> None:
    for text in ("[" * 10_000, '{"Version":' * 10_000, '"\udcff"', '{"Statement":' + "[" * 900 + "]" * 900 + "}"):
        with pytest.raises(AwsError):
            parse(text, "identity")


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(["Version", "Statement", "Effect", "Action", "Principal", "Condition", "Null", "AWS"]),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=12,
    ),
    st.sampled_from(["identity", "trust", "resource"]),
)
@settings(max_examples=150, deadline=None)
def test_any_json_is_compiled_or_refused(document: Any, kind: Any) -> None:
    try:
        load(document, kind)
    except AwsError as error:
        assert error.code == "MalformedPolicyDocument"


@given(
    st.lists(st.sampled_from(["a", "b", "*", "?", "/", "é"]), max_size=8).map("".join),
    st.text("ab/é", max_size=10),
    st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_wildcards_against_an_oracle(glob: str, text: str, fold: bool) -> None:
    regex = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    expected = re.fullmatch(regex, text, re.DOTALL | (re.IGNORECASE if fold else 0)) is not None
    assert pattern(glob, fold=fold)(text.upper() if fold else text, {}) is expected


ODD = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["*", "s3:*", "arn:aws:s3:::b/${aws:username}", "${", "${x,", "arn:::::", "1e999999", "\0", "::1/999", "-"]
    ),
)
ODD_VALUE = ODD | st.lists(ODD, max_size=3) | st.integers() | st.floats() | st.booleans()
STATEMENT = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        "Action": ODD_VALUE,
        "NotAction": ODD_VALUE,
        "Resource": ODD_VALUE,
        "NotResource": ODD_VALUE,
        "Principal": ODD_VALUE
        | st.dictionaries(st.sampled_from(["AWS", "Service", "Federated"]), ODD_VALUE, max_size=2),
        "Condition": st.dictionaries(
            st.sampled_from([*OPERATORS, "ForAllValues:ArnLike", "ForAnyValue:IpAddressIfExists", "NullIfExists"]),
            st.dictionaries(ODD, ODD_VALUE, max_size=2),
            max_size=2,
        ),
    },
)


@given(
    st.lists(STATEMENT, min_size=1, max_size=2),
    st.sampled_from(["identity", "trust", "resource"]),
    ODD,
    st.dictionaries(ODD, st.lists(ODD, max_size=2), max_size=3),
)
@settings(max_examples=400, deadline=None)
def test_odd_policies_are_refused_or_judged(statements: Any, kind: Any, resource: str, keys: Any) -> None:
    try:
        policy = load({"Version": "2012-10-17", "Statement": statements}, kind)
    except AwsError as error:
        assert error.code == "MalformedPolicyDocument"
        return
    for operator in OPERATORS:
        compile_one(operator, "x", ["true"], True)({"x": [resource]})
    request = AuthRequest("s3:GetObject", resource, ANONYMOUS, keys)
    assert decide(policy.statements, request).effect in ("Allow", "Deny", "None")


@pytest.mark.parametrize(
    "operator", ["StringLike", "ArnLike", "NumericEquals", "DateEquals", "IpAddress", "BinaryEquals"]
)
@pytest.mark.parametrize(
    "value", ["${x}" * 400, "*a" * 800 + "b", ":" * 2000, "9" * 2000, "1e999999", "${x,'" + "*" * 1500]
)
def test_hostile_values_take_no_longer(operator: str, value: str) -> None:
    started = time.process_time()
    condition = compile_one(operator, "key", [value], True)
    for text in ("a" * 2000, "9" * 2000, value):
        condition({"key": [text], "x": ["*a*"]})
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("glob", ["*a" * 60 + "b", "*?" * 60 + "b", "*a?a" * 40 + "b"])
def test_hostile_wildcards_take_no_longer(glob: str) -> None:
    started = time.process_time()
    assert not pattern(glob)("a" * 2000, {})
    assert time.process_time() - started < 0.5
