"""What survives the end of a process, and the AWS CLI."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = """
import lib
def handler(event, context):
    print("mark", event)
    if event == "fail":
        raise ValueError(context.aws_request_id)
    return lib.WORD
"""


def test_functions_and_waiting_events_survive_kill_9(
    start_cloud: Callable[..., Any],
    user: Callable[..., Any],
    account: str,
    zipped: Callable[..., bytes],
    eventually: Any,
) -> None:
    cloud = start_cloud(env={"CUMULET_LAMBDA_RETRY_DELAYS": "0.5,1"})
    fn = user(cloud, account)
    layer = fn.client.publish_layer_version(
        LayerName="l", Content={"ZipFile": zipped("WORD = 'kept'\n", "python/lib.py")}
    )
    fn.create(source=SOURCE, Layers=[layer["LayerVersionArn"]])
    fn.client.publish_version(FunctionName="f")
    before = fn.client.get_function_configuration(FunctionName="f")
    assert fn.call() == "kept"
    answer = fn.client.invoke(FunctionName="f", InvocationType="Event", Payload=b'"fail"')
    request_id = answer["ResponseMetadata"]["RequestId"]
    eventually(lambda: any("mark fail" in line for line in fn.messages()))
    cloud.kill()
    code = next(path for path in cloud.directory.glob("**/functions/code") if path.is_dir())
    for entry in code.iterdir():
        entry.rename(Path(cloud.directory) / entry.name)
    cloud.start()
    after = fn.client.get_function_configuration(FunctionName="f")
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}
    assert fn.call() == fn.call(Qualifier="1") == "kept"
    eventually(lambda: sum(f"START RequestId: {request_id}" in line for line in fn.messages()) >= 3)
    fn.client.delete_function(FunctionName="f")
    assert cloud.stop() == 0


def test_the_aws_cli(cloud: Any, account: str, user: Callable[..., Any], zipped: Callable[..., bytes]) -> None:
    fn = user(cloud, account)
    (cloud.directory / "f.zip").write_bytes(zipped("def handler(e, c):\n    return {'hello': e['name']}\n"))

    def aws(*args: str) -> Any:
        done = cloud.aws("lambda", *args, account=account)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    source = ("--runtime", "python3.11", "--handler", "app.handler", "--zip-file", "fileb://f.zip")
    made = aws("create-function", "--function-name", "cli", "--role", fn.role, *source)
    assert made["State"] == "Pending"
    aws("wait", "function-active-v2", "--function-name", "cli")
    told = aws("invoke", "--function-name", "cli", "--payload", '{"name": "Ada"}', *binary(cloud), "out.json")
    assert told["StatusCode"] == 200
    assert json.loads((cloud.directory / "out.json").read_text()) == {"hello": "Ada"}
    assert [f["FunctionName"] for f in aws("list-functions")["Functions"]] == ["cli"]
    aws("delete-function", "--function-name", "cli")
    gone = cloud.aws("lambda", "get-function", "--function-name", "cli", account=account)
    assert gone.returncode != 0
    assert "ResourceNotFoundException" in gone.stderr


def binary(cloud: Any) -> list[str]:
    """What makes a CLI of version 2 take plain JSON."""
    return ["--cli-binary-format", "raw-in-base64-out"] if "aws-cli/2" in cloud.aws("--version").stdout else []
