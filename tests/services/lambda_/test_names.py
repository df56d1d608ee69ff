"""Names, partial ARNs and ARNs."""

from __future__ import annotations

import pytest

from cumulet.base.errors import AwsError
from cumulet.services.lambda_.names import LATEST, Place, function, function_arn, layer, parse_layer_arn

A, R = "111122223333", "us-east-1"


@pytest.mark.parametrize(
    ("text", "qualifier", "account", "name", "wanted"),
    [
        ("f", "", A, "f", ""),
        ("f:7", "", A, "f", "7"),
        ("f:live", "live", A, "f", "live"),
        ("f:$LATEST", "", A, "f", LATEST),
        ("f", "9", A, "f", "9"),
        ("123456789012:function:f", "", "123456789012", "f", ""),
        ("123456789012:f:1", "", "123456789012", "f", "1"),
        ("function:f", "", A, "f", ""),
        (f"arn:aws:lambda:{R}:{A}:function:my-f_1:2", "", A, "my-f_1", "2"),
    ],
)
def test_functions(text: str, qualifier: str, account: str, name: str, wanted: str) -> None:
    ref = function(text, qualifier, A, R)
    assert ref == (Place(account, R), name, wanted)
    assert ref.arn == function_arn(Place(account, R), name, wanted)


@pytest.mark.parametrize("text", ["", "a b", "f:", "arn:aws:s3:::x", "f:1:2:3", "ü", "x" * 65])
def test_what_is_no_function(text: str) -> None:
    with pytest.raises(AwsError):
        function(text, "", A, R)


def test_layers() -> None:
    here = Place(A, R)
    arn = f"arn:aws:lambda:{R}:{A}:layer:words"
    assert layer("words", 3, here) == layer(arn, 3, here) == layer(f"{arn}:3", 0, here) == (here, "words", 3)
    assert parse_layer_arn("arn:aws:s3:::x") is None
    with pytest.raises(AwsError):
        layer("arn:aws:nonsense", 1, here)
