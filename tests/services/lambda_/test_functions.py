"""The life of a function, as boto3 sees it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_create_answers_pending_and_the_waiter_sees_active(fn: Any) -> None:
    made = fn.create(
        Description="d", Timeout=7, MemorySize=256, Environment={"Variables": {"COLOUR": "grün"}}, Tags={"a": "b"}
    )
    assert made["State"] == "Pending"
    assert made["StateReasonCode"] == "Creating"
    assert "LastUpdateStatus" not in made
    assert made["FunctionArn"] == f"arn:aws:lambda:us-east-1:{fn.account}:function:f"
    assert made["Version"] == "$LATEST"
    got = fn.client.get_function(FunctionName="f")
    config = got["Configuration"]
    assert (config["State"], config["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in config
    assert (config["Timeout"], config["MemorySize"], config["Description"]) == (7, 256, "d")
    assert config["Environment"] == {"Variables": {"COLOUR": "grün"}}
    assert config["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}
    assert config["EphemeralStorage"] == {"Size": 512}
    assert config["LastModified"].endswith("+0000")
    assert got["Tags"] == {"a": "b"}
    assert "Concurrency" not in got
    plain = fn.client.get_function_configuration(FunctionName="f")
    assert plain["RevisionId"] == config["RevisionId"]


def test_the_digest_and_the_size_are_those_of_the_zip(fn: Any, zipped: Callable[..., bytes]) -> None:
    code = zipped("def handler(e, c): return 1\n")
    fn.create(Code={"ZipFile": code})
    config = fn.client.get_function_configuration(FunctionName="f")
    assert config["CodeSize"] == len(code)
    assert config["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()


@pytest.mark.parametrize(
    "form", ["f", "function:f", "{a}:f", "{a}:function:f", "arn:aws:lambda:us-east-1:{a}:function:f"]
)
def test_every_form_of_a_name_is_the_same_function(fn: Any, form: str) -> None:
    fn.create()
    name = form.format(a=fn.account)
    assert fn.client.get_function(FunctionName=name)["Configuration"]["FunctionName"] == "f"
    assert fn.call({"n": 1}, name) == {"n": 1}
    fn.client.delete_function(FunctionName=name)


def test_a_name_is_taken_once(fn: Any) -> None:
    fn.create()
    with pytest.raises(fn.client.exceptions.ResourceConflictException) as caught:
        fn.create()
    assert caught.value.response["Error"]["Message"] == "Function already exist: f"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert caught.value.response["Type"] == "User"


@pytest.mark.parametrize(
    "operation",
    ["get_function", "get_function_configuration", "delete_function", "invoke", "list_versions_by_function", "publish_version",
     "get_function_concurrency"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(fn: Any, operation: str) -> None:
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException) as caught:
        getattr(fn.client, operation)(FunctionName="nope")
    arn = f"arn:aws:lambda:us-east-1:{fn.account}:function:nope"
    assert caught.value.response["Error"]["Message"] == f"Function not found: {arn}"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_functions_of_other_regions_are_out_of_reach(fn: Any) -> None:
    fn.create()
    elsewhere = fn.of("lambda", region="eu-west-1")
    assert elsewhere.list_functions()["Functions"] == []
    arn = f"arn:aws:lambda:us-east-1:{fn.account}:function:f"
    with pytest.raises(
        ClientError, match=r"Functions from 'us-east-1' are not reachable in this region \('eu-west-1'\)"
    ):
        elsewhere.get_function(FunctionName=arn)


def test_functions_of_other_accounts_are_nobody_elses(fn: Any) -> None:
    fn.create()
    stranger = fn.of("lambda", account="000000000001")
    assert stranger.list_functions()["Functions"] == []
    arn = f"arn:aws:lambda:us-east-1:{fn.account}:function:f"
    with pytest.raises(ClientError) as caught:
        stranger.delete_function(FunctionName=arn)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    with pytest.raises(ClientError, match="no resource-based policy allows the lambda:InvokeFunction action"):
        stranger.invoke(FunctionName=arn)


def test_lists_come_in_pages_in_the_order_of_names(fn: Any, zipped: Callable[..., bytes]) -> None:
    names = [f"n{i:02}" for i in range(7)]
    for name in reversed(names):
        fn.client.create_function(
            FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=fn.role, Code={"ZipFile": zipped()}
        )
    first = fn.client.list_functions(MaxItems=3)
    assert [f["FunctionName"] for f in first["Functions"]] == names[:3]
    pages = fn.client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3})
    found = [[f["FunctionName"] for f in page["Functions"]] for page in pages]
    assert found == [names[:3], names[3:6], names[6:]]
    with pytest.raises(ClientError, match="Invalid Marker"):
        fn.client.list_functions(Marker="nonsense")


def test_new_code_answers_the_very_next_call(fn: Any, zipped: Callable[..., bytes]) -> None:
    fn.create(source="def handler(e, c): return 0\n")
    for number in range(1, 6):
        assert fn.call() == number - 1
        answer = fn.client.update_function_code(
            FunctionName="f", ZipFile=zipped(f"def handler(e, c): return {number}\n")
        )
        assert answer["LastUpdateStatus"] == "InProgress"
        assert answer["State"] == "Active"
        fn.client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
        assert fn.call() == number


def test_dry_run_changes_nothing(fn: Any, zipped: Callable[..., bytes]) -> None:
    before = fn.create()["CodeSha256"]
    answer = fn.client.update_function_code(FunctionName="f", ZipFile=zipped("x = 1\n"), DryRun=True)
    assert answer["CodeSha256"] != before
    assert fn.client.get_function_configuration(FunctionName="f")["CodeSha256"] == before


def test_new_settings_reach_the_function(fn: Any) -> None:
    source = (
        "import os\n"
        "def handler(e, c):\n"
        "    return [os.environ.get('WORD'), c.memory_limit_in_mb, os.environ['_HANDLER']]\n"
        "other = handler\n"
    )
    fn.create(source=source)
    assert fn.call() == [None, "128", "app.handler"]
    answer = fn.client.update_function_configuration(
        FunctionName="f",
        Handler="app.other",
        MemorySize=512,
        Environment={"Variables": {"WORD": "hello"}},
        Description="new",
    )
    assert answer["LastUpdateStatus"] == "InProgress"
    fn.client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0})
    assert fn.call() == ["hello", "512", "app.other"]
    fn.client.update_function_configuration(FunctionName="f", Environment={"Variables": {}})
    assert fn.call() == [None, "512", "app.other"]
    assert "Environment" not in fn.client.get_function_configuration(FunctionName="f")


def test_revisions_guard_against_lost_updates(fn: Any, zipped: Callable[..., bytes]) -> None:
    revision = fn.create()["RevisionId"]
    newer = fn.client.update_function_configuration(FunctionName="f", Description="1", RevisionId=revision)[
        "RevisionId"
    ]
    assert newer != revision
    message = "The Revision Id provided does not match the latest Revision Id"
    changes: list[Callable[[], Any]] = [
        lambda: fn.client.update_function_configuration(FunctionName="f", Description="2", RevisionId=revision),
        lambda: fn.client.update_function_code(FunctionName="f", ZipFile=zipped(), RevisionId=revision),
        lambda: fn.client.publish_version(FunctionName="f", RevisionId=revision),
    ]
    for change in changes:
        with pytest.raises(fn.client.exceptions.PreconditionFailedException, match=message) as caught:
            change()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert fn.client.get_function_configuration(FunctionName="f")["Description"] == "1"


def test_code_comes_from_s3_too(fn: Any, zipped: Callable[..., bytes]) -> None:
    s3 = fn.of("s3")
    bucket = f"code-{fn.account}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b.zip", Body=zipped("def handler(e, c): return 's3'\n"))
    fn.create(Code={"S3Bucket": bucket, "S3Key": "a/b.zip"})
    assert fn.call() == "s3"
    with pytest.raises(fn.client.exceptions.InvalidParameterValueException) as caught:
        fn.client.update_function_code(FunctionName="f", S3Bucket=bucket, S3Key="nope.zip")
    text = (
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
    )
    assert caught.value.response["Error"]["Message"] == text


def test_a_deleted_function_is_gone_and_its_successor_is_new(fn: Any) -> None:
    fn.create(source="n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n")
    fn.client.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    assert [fn.call(), fn.call()] == [1, 2]
    answer = fn.client.delete_function(FunctionName="f")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert fn.client.list_functions()["Functions"] == []
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException):
        fn.call()
    fn.create(source="def handler(e, c): return 'successor'\n")
    assert fn.call() == "successor"
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException):
        fn.client.get_policy(FunctionName="f")


def test_the_account_knows_what_it_uses(fn: Any, eventually: Any) -> None:
    def used() -> Any:
        return fn.client.get_account_settings()["AccountUsage"]

    assert used() == {"TotalCodeSize": 0, "FunctionCount": 0}
    size = fn.create()["CodeSize"]
    assert used() == {"TotalCodeSize": size, "FunctionCount": 1}
    fn.client.publish_version(FunctionName="f")
    assert used() == {"TotalCodeSize": 2 * size, "FunctionCount": 1}
    limits = fn.client.get_account_settings()["AccountLimit"]
    assert limits["ConcurrentExecutions"] == limits["UnreservedConcurrentExecutions"] == 1000
    assert limits["CodeSizeUnzipped"] == 262144000
    fn.client.delete_function(FunctionName="f")
    eventually(lambda: used() == {"TotalCodeSize": 0, "FunctionCount": 0})


def test_tags(fn: Any) -> None:
    arn = fn.create(Tags={"a": "1"})["FunctionArn"]
    fn.client.tag_resource(Resource=arn, Tags={"b": "2", "a": "3"})
    assert fn.client.list_tags(Resource=arn)["Tags"] == {"a": "3", "b": "2"}
    fn.client.untag_resource(Resource=arn, TagKeys=["a", "zz"])
    assert fn.client.get_function(FunctionName="f")["Tags"] == {"b": "2"}
    with pytest.raises(ClientError, match="Number of tags exceeds resource tag limit of 50"):
        fn.client.tag_resource(Resource=arn, Tags={f"t{i}": "" for i in range(50)})
    with pytest.raises(ClientError, match="Function not found"):
        fn.client.list_tags(Resource=arn + "x")
