"""Model constraints: AWS's words, and the generated checks against a slow interpreter of the same model."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from cumulet.base.errors import AwsError
from cumulet.wire import compile as compiler
from cumulet.wire import constraints, models
from cumulet.wire.catalog import CATALOG

BUILT = ("json", "query", "rest-json")
PAIRS = [
    (name, protocol)
    for name, entry in CATALOG.items()
    if name != "s3"
    for protocol in entry.protocols[:1]
    if protocol in BUILT
]


def check(service: str, name: str, params: dict[str, Any]) -> AwsError | None:
    protocol = next(one for one in CATALOG[service].protocols if one in BUILT)
    try:
        compiler.operation(service, name, protocol).check(params)
    except AwsError as err:
        return err
    return None


@pytest.mark.parametrize(
    ("service", "name", "params", "code", "message"),
    [
        ("dynamodb", "DescribeTable", {}, "ValidationException",
         "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null"),
        ("kinesis", "CreateStream", {"StreamName": "", "ShardCount": 0}, "ValidationException",
         ("3 validation errors detected: Value '' at 'streamName' failed to satisfy constraint: Member must have length "
         "greater than or equal to 1; Value '' at 'streamName' failed to satisfy constraint: Member must satisfy regular "
         "expression pattern: [a-zA-Z0-9_.-]+; Value '0' at 'shardCount' failed to satisfy constraint: Member must have "
         "value greater than or equal to 1")),
        ("logs", "CreateLogGroup", {"logGroupName": "a b"}, "InvalidParameterException",
         ("1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy "
         "regular expression pattern: [\\.\\-_/#A-Za-z0-9]+")),
        ("lambda", "Invoke", {"FunctionName": "f", "InvocationType": "Maybe"}, "ValidationException",
         ("1 validation error detected: Value 'Maybe' at 'invocationType' failed to satisfy constraint: Member must satisfy "
         "enum value set: [Event, RequestResponse, DryRun]")),
        ("iam", "CreateRole", {"RoleName": "r" * 65, "AssumeRolePolicyDocument": "{}"}, "ValidationError",
         (f"1 validation error detected: Value '{'r' * 65}' at 'roleName' failed to satisfy constraint: Member must have "
         "length less than or equal to 64")),
        ("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": [{"Key": "a", "Value": "b"}, {}]},
         "ValidationError",
         ("2 validation errors detected: Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be "
         "null; Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null")),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"tab": {}}}, "ValidationException",
         ("1 validation error detected: Value null at 'requestItems.tab.member.keys' failed to satisfy constraint: Member "
         "must not be null")),
        ("sts", "AssumeRole", {"RoleArn": "a" * 20, "RoleSessionName": "ab", "DurationSeconds": 1}, "ValidationError",
         ("1 validation error detected: Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value "
         "greater than or equal to 900")),
        ("sts", "AssumeRole", {"RoleArn": "a" * 20, "RoleSessionName": "ab", "TransitiveTagKeys": ["a", ""]},
         "ValidationError",
         ("1 validation error detected: Value '[a, ]' at 'transitiveTagKeys' failed to satisfy constraint: Member must satisfy "
         "constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to "
         "1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+]")),
        ("cognito-idp", "ChangePassword", {"AccessToken": "a.b.c", "ProposedPassword": "a b"}, "InvalidParameterException",
         ("1 validation error detected: Value at 'proposedPassword' failed to satisfy constraint: Member must satisfy regular "
         "expression pattern: [\\S]+")),
    ],
)  # fmt: skip
def test_awss_words(service: str, name: str, params: dict[str, Any], code: str, message: str) -> None:
    error = check(service, name, params)
    assert error is not None
    assert (error.code, error.status) == (code, 400)
    assert error.message == message


def test_at_most_ten_breaches_are_listed() -> None:
    tags: list[dict[str, str]] = [{} for _ in range(20)]
    error = check("iam", "CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{}", "Tags": tags})
    assert error is not None
    assert error.message.startswith("40 validation errors detected: ")
    assert error.message.count("Value null") == 10


def test_maps_are_checked_by_key_and_value() -> None:
    error = check("lambda", "TagResource", {"Resource": "x", "Tags": {"": "v"}})
    assert error is None or "Map keys" in error.message
    error = check("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"Nothing": "1"}})
    assert error is not None
    assert (
        "Value '{Nothing=1}' at 'attributes' failed to satisfy constraint: Map keys must satisfy constraint: [Member must"
        in (error.message)
    )


def test_valid_requests_pass() -> None:
    assert check("dynamodb", "PutItem", {"TableName": "abc", "Item": {"a": {"S": "x"}}}) is None
    assert check("logs", "CreateLogGroup", {"logGroupName": "/aws/lambda/f", "tags": {"a": "b"}}) is None
    assert check("sts", "GetCallerIdentity", {}) is None


# ------------------------------------------------------------------------------------------ against a slow interpreter


class Interpreter:
    """The same constraints, read from the model value by value. It shares no code with the generator but its patterns."""

    def __init__(self, service: str) -> None:
        self.shapes = models.load(service).shapes

    def breaches(self, name: str, value: Any, path: str = "") -> list[tuple[str, str]]:
        shape = self.shapes[name]
        found = [(path, text) for text in self.own(name, value)]
        if shape["type"] == "structure":
            for key, member in shape["members"].items():
                inner = f"{path}.{key[0].lower()}{key[1:]}" if path else key[0].lower() + key[1:]
                if value.get(key) is not None:
                    found += self.breaches(member["shape"], value[key], inner)
                elif key in shape.get("required", ()):
                    found.append((inner, "Member must not be null"))
        elif shape["type"] == "list":
            found += self.parts("Member", shape["member"]["shape"], list(enumerate(value, 1)), path)
        elif shape["type"] == "map":
            keys = [text for key in value for text in self.own(shape["key"]["shape"], key)]
            if keys:
                found.append(
                    (path, f"Map keys must satisfy constraint: [{', '.join(self.texts(shape['key']['shape']))}]")
                )
            found += self.parts("Map value", shape["value"]["shape"], list(value.items()), path)
        return found

    def parts(self, noun: str, name: str, pairs: list[tuple[Any, Any]], path: str) -> list[tuple[str, str]]:
        if self.shapes[name]["type"] in ("structure", "list", "map"):
            return [breach for key, item in pairs for breach in self.breaches(name, item, f"{path}.{key}.member")]
        if any(self.own(name, item) for _, item in pairs):
            return [(path, f"{noun} must satisfy constraint: [{', '.join(self.texts(name))}]")]
        return []

    def own(self, name: str, value: Any) -> list[str]:
        shape = self.shapes[name]
        measure = value if shape["type"] in ("integer", "long", "float", "double") else None
        if measure is None and hasattr(value, "__len__") and shape["type"] != "structure":
            measure = len(value)
        broken = []
        for text in self.texts(name):
            if "less than" in text:
                bad = measure is not None and measure > shape["max"]
            elif "greater than" in text:
                bad = measure is not None and measure < shape["min"]
            elif "pattern" in text:
                bad = not constraints.pattern(shape["pattern"], shape.get("max"))(value)
            else:
                bad = value not in shape["enum"]
            broken += [text] if bad else []
        return broken

    def texts(self, name: str) -> list[str]:
        shape = self.shapes[name]
        kind = shape["type"]
        numeric = kind in ("integer", "long", "float", "double")
        texts = []
        if numeric or kind in ("string", "blob", "list", "map"):
            noun = "value" if numeric else "length"
            if "max" in shape:
                texts.append(f"Member must have {noun} less than or equal to {shape['max']}")
            if "min" in shape and (numeric or shape["min"]):
                texts.append(f"Member must have {noun} greater than or equal to {shape['min']}")
        if "pattern" in shape and kind == "string":
            texts.append(f"Member must satisfy regular expression pattern: {shape['pattern']}")
        if "enum" in shape:
            texts.append(f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
        return texts


def spoil(value: Any, dice: random.Random) -> Any:
    """A copy with members gone, lists emptied, texts and numbers out of range."""
    if isinstance(value, dict):
        return {key: spoil(item, dice) for key, item in value.items() if dice.random() > 0.15}
    if isinstance(value, list):
        return [] if dice.random() < 0.1 else [spoil(item, dice) for item in value]
    if isinstance(value, str) and dice.random() < 0.4:
        return dice.choice(["", "a b", "x" * 300, "ABC-123", "0"])
    if type(value) is int:
        return dice.choice([0, 1, -1, 5, 10**9])
    return value


@pytest.mark.parametrize(("service", "protocol"), PAIRS)
def test_generated_checks_agree_with_the_interpreter(wire: Any, service: str, protocol: str) -> None:
    client = wire.client(service, protocol)
    interpreter = Interpreter(service)
    for name in client.model.operation_names:
        shape = client.model.operation_model(name).input_shape
        if shape is None:
            continue
        operation = compiler.operation(service, name, protocol)
        samples = wire.Samples(f"{service} {name}", empties=True, xml=True, milliseconds=False, most=2)
        params = spoil(samples.structure(shape, 0), samples.random)
        if operation.input_stream:
            params.setdefault(operation.input_stream, b"")
        expected = interpreter.breaches(shape.name, params)
        try:
            operation.check(params)
            got: str | None = None
        except AwsError as err:
            got = err.message
        assert (got is None) == (expected == []), (name, expected, got)
        if got is not None:
            plural = "" if len(expected) == 1 else "s"
            assert got.startswith(f"{len(expected)} validation error{plural} detected: "), (name, expected, got)
            for path, text in expected[:10]:
                assert f"at '{path}' failed to satisfy constraint: {text}" in got, (name, got)


# ------------------------------------------------------------------------------------------------------------ patterns


def test_every_pattern_of_every_model_ends_in_time() -> None:
    """Long, repetitive and nearly matching values: what makes a backtracking engine explode."""
    patterns = {
        (shape["pattern"], shape.get("max"))
        for service in CATALOG
        for shape in models.load(service).shapes.values()
        if "pattern" in shape
    }
    assert len(patterns) > 500
    slow = []
    for text, longest in sorted(patterns, key=str):
        matches = constraints.pattern(text, longest)
        matches("")  # compiled now: that is paid once
        for unit in ("a", "a-", "-", "a.", "/a", "1", " ", "aA"):
            value = (unit * 4096)[: min(longest or 4096, 4096) - 1] + "\x00"
            started = time.process_time()
            matches(value)
            if time.process_time() - started > 0.1:
                slow.append((text, longest, unit))
    assert slow == []


@pytest.mark.parametrize(
    ("text", "value", "matches"),
    [
        ("[a-z]+", "abc", True),
        ("[a-z]+", "abc\n", False),
        ("^[a-z]+$", "abc\n", False),
        (r"\d+", "٣", False),
        (r"\w+", "ü", False),
        (r"\p{L}+", "###", True),
        ("[a-z&&[^b]]+", "###", True),
        ("(unbalanced", "###", True),
        ("(a+)+b", "a" * 50, True),
        ("(a+)+b", "a" * 5, False),
        ("(a|b)*c", "d", False),
    ],
)
def test_patterns_match_whole_values_as_java_does_or_not_at_all(text: str, value: str, matches: bool) -> None:
    assert constraints.pattern(text, None)(value) is matches
