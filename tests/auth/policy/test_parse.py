"""What is no policy, and IAM's words for it; wildcards against an oracle, and hostile ones against the clock."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.auth.policy.match import pattern
from cumulet.auth.policy.parse import load, parse
from cumulet.base.errors import AwsError

GOOD: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUSTING: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "lambda.amazonaws.com"},
}
SYNTAX = "Syntax errors in policy."
VERSION = "Policy document must be version 2012-10-17 or greater."
VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."


def without(statement: dict[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name not in names} | more


FAULTS: list[tuple[str, Any, str]] = [
    ("identity", "{oops", SYNTAX),
    ("identity", "", SYNTAX),
    ("identity", "[]", SYNTAX),
    ("identity", "null", SYNTAX),
    ("identity", "{}", VERSION),
    ("identity", {"Version": "2012-10-17"}, SYNTAX),
    ("identity", {"Version": "2012-10-17", "Statement": []}, SYNTAX),
    ("identity", {"Version": "2008-10-17", "Statement": GOOD}, VERSION),
    ("identity", {"Version": "2012-10-18", "Statement": GOOD}, VERSION),
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
    ("identity", without(GOOD, Effect="allow"), SYNTAX),
    ("identity", without(GOOD, "Effect"), SYNTAX),
    ("identity", without(GOOD, NotAction="iam:*"), SYNTAX),
    ("identity", without(GOOD, NotResource="*"), SYNTAX),
    ("identity", without(GOOD, Sid="no spaces"), SYNTAX),
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
        parse("x", "resource", "MalformedPolicy")


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


@pytest.mark.parametrize("glob", ["*a" * 60 + "b", "*?" * 60 + "b", "*a?a" * 40 + "b"])
def test_hostile_wildcards_take_no_longer(glob: str) -> None:
    started = time.process_time()
    assert not pattern(glob)("a" * 2000, {})
    assert time.process_time() - started < 0.5
