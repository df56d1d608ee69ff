"""Ranges, conditions, tags and filters, as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.base.errors import AwsError
from cumulet.services.s3.engine import conditions, notification, ranges, tags

numbers = st.integers(0, 40)


@given(numbers, st.none() | numbers, st.none() | numbers)
def test_a_range_is_what_slicing_says(size: int, first: int | None, last: int | None) -> None:
    data = bytes(range(size))
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None and last is None:
        wanted: bytes | None = data
    elif first is None:
        wanted = data[-last:] if last else None
        wanted = wanted or None
    elif last is not None and last < first:
        wanted = data
    else:
        wanted = data[first : None if last is None else last + 1] if first < size else None
    try:
        found = ranges.read(text, size)
    except AwsError as err:
        assert wanted is None
        assert (err.code, err.status) == ("InvalidRange", 416)
    else:
        offset, length = found if found is not None else (0, size)
        assert data[offset : offset + length] == wanted


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=a-b", "bytes=٣-٤"]
)
def test_what_is_no_range_is_ignored(text: str) -> None:
    assert ranges.read(text, 100) is None


def test_huge_ranges() -> None:
    assert ranges.read("bytes=0-" + "9" * 5000, 10) == (0, 10)
    with pytest.raises(AwsError):
        ranges.read("bytes=" + "9" * 5000 + "-", 10)


NOW = 1_700_000_000


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


@pytest.mark.parametrize(
    ("given_", "broken"),
    [
        ({}, None),
        ({"IfMatch": '"t"'}, None),
        ({"IfMatch": "t"}, None),
        ({"IfMatch": "*"}, None),
        ({"IfMatch": '"a", "t"'}, None),
        ({"IfMatch": '"a"'}, "IfMatch"),
        ({"IfMatch": '"t"', "IfUnmodifiedSince": at(-9)}, None),
        ({"IfUnmodifiedSince": at(-9)}, "IfUnmodifiedSince"),
        ({"IfUnmodifiedSince": at(0)}, None),
        ({"IfNoneMatch": '"t"'}, "IfNoneMatch"),
        ({"IfNoneMatch": 'W/"t"'}, "IfNoneMatch"),
        ({"IfNoneMatch": '"a"', "IfModifiedSince": at(9)}, None),
        ({"IfModifiedSince": at(0)}, "IfModifiedSince"),
        ({"IfModifiedSince": at(-1)}, None),
        ({"IfMatch": '"a"', "IfNoneMatch": '"t"'}, "IfMatch"),
    ],
)
def test_precedence_of_conditions(given_: dict[str, Any], broken: str | None) -> None:
    assert conditions.failed(given_, "t", NOW) == broken


def test_tags_in_a_header() -> None:
    assert tags.from_header("a=1&b=x%20y&c=") == [
        {"Key": "a", "Value": "1"},
        {"Key": "b", "Value": "x y"},
        {"Key": "c", "Value": ""},
    ]
    for wrong in ("a=1&a=2", "=1", "aws:x=1", "a" * 129 + "=1", "a=" + "b" * 257, "a=%3C", "a&&b"):
        with pytest.raises(AwsError):
            tags.from_header(wrong)


ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def configured(*entries: dict[str, Any]) -> dict[str, Any]:
    base = {"LambdaFunctionArn": ARN, "Events": ["s3:ObjectCreated:*"]}
    return {"LambdaFunctionConfigurations": [{**base, **entry} for entry in entries]}


def key_filter(**rules: str) -> dict[str, Any]:
    return {"Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}}


def test_a_configuration_is_stored_as_s3_prints_it() -> None:
    (stored,) = notification.validate(configured(key_filter(prefix="in/", suffix=".jpg")))
    assert len(stored.pop("Id")) == 32
    assert stored == {
        "LambdaFunctionArn": ARN,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}]}},
    }
    assert notification.validate({}) == []


@pytest.mark.parametrize(
    ("config", "code", "words"),
    [
        ({"TopicConfigurations": [{}]}, "NotImplemented", ""),
        ({"QueueConfigurations": [{}]}, "NotImplemented", ""),
        ({"EventBridgeConfiguration": {}}, "NotImplemented", ""),
        (configured({"Events": ["s3:ObjectEaten:*"]}), "InvalidArgument", "A specified event is not supported"),
        (configured({"Events": []}), "MalformedXML", ""),
        (configured({"LambdaFunctionArn": "arn:aws:sqs:us-east-1:1:q"}), "InvalidArgument", "could not be parsed"),
        (configured(key_filter(middle="x")), "InvalidArgument", "must be either prefix or suffix"),
        (configured(key_filter(prefix="x" * 1025)), "InvalidArgument", "cannot exceed 1024 bytes"),
        (
            configured({"Id": "i"} | key_filter(prefix="a"), {"Id": "i"} | key_filter(prefix="b")),
            "InvalidArgument",
            "Same ID",
        ),
        (configured({}, {}), "InvalidArgument", "Configurations overlap."),
        (configured(key_filter(prefix="a"), key_filter(prefix="ab")), "InvalidArgument", "ambiguously defined"),
        (configured(key_filter(suffix="g"), key_filter(suffix="jpg")), "InvalidArgument", "ambiguously defined"),
        (configured({"Events": ["s3:ObjectCreated:Put"]}, {}), "InvalidArgument", "overlap"),
    ],
)
def test_configurations_that_cannot_be(config: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(AwsError) as caught:
        notification.validate(config)
    assert caught.value.code == code
    assert words in caught.value.message


def test_configurations_that_do_not_overlap() -> None:
    notification.validate(configured(key_filter(prefix="a"), key_filter(prefix="b")))
    notification.validate(configured(key_filter(prefix="a", suffix="x"), key_filter(prefix="ab", suffix="y")))
    notification.validate(configured({"Events": ["s3:ObjectCreated:Put"]}, {"Events": ["s3:ObjectCreated:Copy"]}))


def test_what_a_rule_meets() -> None:
    rule = notification.Rule("i", ARN, ("s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"), "in/", ".jpg")
    assert rule.meets("ObjectCreated:Put", "in/a.jpg")
    assert rule.meets("ObjectRemoved:Delete", "in/.jpg")
    assert not rule.meets("ObjectTagging:Put", "in/a.jpg")
    assert not rule.meets("ObjectCreated:Put", "out/a.jpg")
    assert not rule.meets("ObjectCreated:Put", "in/a.png")


def test_sequence_grows_as_text() -> None:
    sequencer = notification.Sequencer()
    values = [sequencer.next() for _ in range(1000)]
    assert values == sorted(set(values))
