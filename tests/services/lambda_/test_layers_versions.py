"""Layers and versions, as boto3 sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

USES = "import lib\ndef handler(e, c):\n    return lib.WORD\n"


def layer(fn: Any, zipped: Callable[..., bytes], word: str, name: str = "words", **more: Any) -> Any:
    code = zipped(f"WORD = {word!r}\n", "python/lib.py")
    return fn.client.publish_layer_version(LayerName=name, Content={"ZipFile": code}, **more)


def test_a_function_imports_from_its_layer(fn: Any, zipped: Callable[..., bytes]) -> None:
    one = layer(fn, zipped, "one", Description="d", CompatibleRuntimes=["python3.11"], LicenseInfo="MIT")
    arn = f"arn:aws:lambda:us-east-1:{fn.account}:layer:words"
    assert (one["LayerArn"], one["LayerVersionArn"], one["Version"]) == (arn, f"{arn}:1", 1)
    assert one["Content"]["CodeSize"] > 0
    two = layer(fn, zipped, "two")
    assert two["Version"] == 2
    fn.create(source=USES, Layers=[one["LayerVersionArn"]])
    assert fn.call() == "one"
    config = fn.client.get_function_configuration(FunctionName="f")
    assert config["Layers"] == [{"Arn": f"{arn}:1", "CodeSize": one["Content"]["CodeSize"]}]
    fn.client.update_function_configuration(FunctionName="f", Layers=[two["LayerVersionArn"]])
    assert fn.call() == "two"


def test_a_function_keeps_a_deleted_layer(fn: Any, zipped: Callable[..., bytes]) -> None:
    arn = layer(fn, zipped, "kept")["LayerVersionArn"]
    fn.create(source=USES, Layers=[arn])
    fn.client.delete_layer_version(LayerName="words", VersionNumber=1)
    fn.client.update_function_configuration(FunctionName="f", MemorySize=256)
    assert fn.call() == "kept"
    fn.client.update_function_configuration(FunctionName="f", Layers=[arn], MemorySize=128)
    assert fn.call() == "kept"
    with pytest.raises(
        fn.client.exceptions.InvalidParameterValueException, match=f"Layer version {arn} does not exist."
    ):
        fn.create("g", Layers=[arn])


def test_layers_are_read_and_listed(fn: Any, zipped: Callable[..., bytes]) -> None:
    for word in ("a", "b", "c"):
        layer(fn, zipped, word, CompatibleRuntimes=["python3.11"] if word == "a" else ["python3.12"])
    layer(fn, zipped, "x", "another", CompatibleArchitectures=["arm64"])
    listed = fn.client.list_layers()["Layers"]
    assert [(entry["LayerName"], entry["LatestMatchingVersion"]["Version"]) for entry in listed] == [
        ("another", 1),
        ("words", 3),
    ]
    fitting = fn.client.list_layers(CompatibleRuntime="python3.11")["Layers"]
    assert [(entry["LayerName"], entry["LatestMatchingVersion"]["Version"]) for entry in fitting] == [("words", 1)]
    assert [e["LayerName"] for e in fn.client.list_layers(CompatibleArchitecture="arm64")["Layers"]] == ["another"]
    pages = fn.client.get_paginator("list_layer_versions").paginate(LayerName="words", PaginationConfig={"PageSize": 2})
    assert [[v["Version"] for v in page["LayerVersions"]] for page in pages] == [[3, 2], [1]]
    pages = fn.client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 1})
    assert [[e["LayerName"] for e in page["Layers"]] for page in pages] == [["another"], ["words"]]
    got = fn.client.get_layer_version(LayerName="words", VersionNumber=2)
    by_arn = fn.client.get_layer_version_by_arn(Arn=got["LayerVersionArn"])
    assert by_arn["Content"]["CodeSha256"] == got["Content"]["CodeSha256"]
    assert by_arn["CompatibleRuntimes"] == ["python3.12"]


def test_numbers_of_layers_are_never_given_twice(fn: Any, zipped: Callable[..., bytes]) -> None:
    layer(fn, zipped, "a")
    layer(fn, zipped, "b")
    fn.client.delete_layer_version(LayerName="words", VersionNumber=2)
    assert fn.client.list_layers()["Layers"][0]["LatestMatchingVersion"]["Version"] == 1
    fn.client.delete_layer_version(LayerName="words", VersionNumber=1)
    fn.client.delete_layer_version(LayerName="words", VersionNumber=1)
    assert fn.client.list_layers()["Layers"] == []
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException):
        fn.client.get_layer_version(LayerName="words", VersionNumber=2)
    assert layer(fn, zipped, "c")["Version"] == 3


def test_layers_that_do_not_fit_together(fn: Any, zipped: Callable[..., bytes]) -> None:
    one, two = layer(fn, zipped, "a")["LayerVersionArn"], layer(fn, zipped, "b")["LayerVersionArn"]
    with pytest.raises(ClientError, match="Two different versions of the same layer are not allowed"):
        fn.create(Layers=[one, two])
    with pytest.raises(ClientError, match="Layers are expected to be in region us-east-1"):
        fn.create(Layers=[one.replace("us-east-1", "eu-west-1")])
    with pytest.raises(ClientError, match="lambda:GetLayerVersion"):
        fn.create(Layers=[one.replace(fn.account, "000000000002")])


def test_published_versions_stay_as_they_are(fn: Any, zipped: Callable[..., bytes]) -> None:
    fn.create(source="def handler(e, c): return ['one', c.function_version]\n")
    first = fn.client.publish_version(FunctionName="f", Description="the first")
    assert (first["Version"], first["Description"]) == ("1", "the first")
    assert first["FunctionArn"].endswith(":function:f:1")
    fn.client.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="1", WaiterConfig={"Delay": 0})
    assert fn.client.publish_version(FunctionName="f")["Version"] == "1"
    fn.client.update_function_code(
        FunctionName="f", ZipFile=zipped("def handler(e, c): return ['two', c.function_version]\n")
    )
    answer = fn.client.update_function_configuration(FunctionName="f", Timeout=9)
    assert answer["Version"] == "$LATEST"
    assert fn.client.publish_version(FunctionName="f")["Version"] == "2"
    assert fn.call(Qualifier="1") == ["one", "1"]
    assert fn.call(name="f:1") == ["one", "1"]
    assert fn.call(Qualifier="2") == ["two", "2"]
    assert fn.call(Qualifier="$LATEST") == fn.call() == ["two", "$LATEST"]
    listed = fn.client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1", "2"]
    assert listed[0]["FunctionArn"].endswith(":f:$LATEST")
    pages = fn.client.get_paginator("list_versions_by_function").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 2}
    )
    assert [[v["Version"] for v in page["Versions"]] for page in pages] == [["$LATEST", "1"], ["2"]]
    every = fn.client.get_paginator("list_functions").paginate(FunctionVersion="ALL", PaginationConfig={"PageSize": 2})
    assert [f["Version"] for page in every for f in page["Functions"]] == ["$LATEST", "1", "2"]
    fn.client.delete_function(FunctionName="f", Qualifier="1")
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException, match="function:f:1"):
        fn.call(Qualifier="1")
    assert fn.call(Qualifier="2") == ["two", "2"]
    with pytest.raises(ClientError, match="version cannot be deleted without deleting the function"):
        fn.client.delete_function(FunctionName="f", Qualifier="$LATEST")
    with pytest.raises(ClientError, match=r"Cannot find alias arn: .*:function:f:live"):
        fn.call(Qualifier="live")
    with pytest.raises(ClientError, match="derived qualifier"):
        fn.client.get_function(FunctionName="f:1", Qualifier="2")


def test_create_and_update_can_publish(fn: Any, zipped: Callable[..., bytes]) -> None:
    made = fn.create(source="def handler(e, c): return 1\n", Publish=True)
    assert made["Version"] == "1"
    assert made["FunctionArn"].endswith(":f:1")
    answer = fn.client.update_function_code(
        FunctionName="f", ZipFile=zipped("def handler(e, c): return 2\n"), Publish=True
    )
    assert answer["Version"] == "2"
    fn.client.get_waiter("published_version_active").wait(FunctionName="f", Qualifier="2", WaiterConfig={"Delay": 0})
    assert [fn.call(Qualifier="1"), fn.call(Qualifier="2"), fn.call()] == [1, 2, 2]
    with pytest.raises(ClientError, match="is different from current CodeSHA256"):
        fn.client.publish_version(FunctionName="f", CodeSha256="abc")
