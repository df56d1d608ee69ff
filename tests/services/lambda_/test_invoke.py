"""Invoke as boto3 sees it: answers, errors, logs, payload limits, concurrency."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

MODES = """
import os, sys, time
def handler(event, context):
    what = event.get("do")
    print("doing", what)
    if what == "raise":
        raise ValueError("grün")
    if what == "sleep":
        time.sleep(event["for"])
    if what == "exit":
        sys.exit(3)
    if what == "context":
        return [context.function_name, context.function_version, context.invoked_function_arn, context.aws_request_id,
                context.client_context.custom if context.client_context else None]
    return event
"""


def test_an_answer_says_what_ran(fn: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", Payload=b'{"x": "\xc3\xbc"}')
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    assert json.loads(answer["Payload"].read()) == {"x": "ü"}


def test_no_payload_is_an_empty_event(fn: Any) -> None:
    fn.create()
    assert json.loads(fn.client.invoke(FunctionName="f")["Payload"].read()) == {}


def test_the_tail_of_the_log_comes_with_the_answer(fn: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", Payload=b'{"do": "it"}', LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    request_id = answer["ResponseMetadata"]["RequestId"]
    for line in (
        f"START RequestId: {request_id} Version: $LATEST",
        "doing it",
        f"END RequestId: {request_id}",
        "REPORT RequestId:",
    ):
        assert line in tail


def test_a_functions_error_passes_through(fn: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", Payload=b'{"do": "raise"}')
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    told = json.loads(answer["Payload"].read())
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "grün")
    assert told["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert any("raise ValueError" in line for line in told["stackTrace"])
    assert fn.call({"do": "go on"}) == {"do": "go on"}


def test_a_timeout_has_lambdas_own_error(fn: Any) -> None:
    fn.create(source=MODES, Timeout=1)
    answer = fn.client.invoke(FunctionName="f", Payload=b'{"do": "sleep", "for": 30}')
    assert answer["FunctionError"] == "Unhandled"
    told = json.loads(answer["Payload"].read())
    assert told["errorType"] == "Sandbox.Timedout"
    assert told["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_the_context_tells_who_was_called_and_how(fn: Any) -> None:
    arn = fn.create(source=MODES)["FunctionArn"]
    custom = base64.b64encode(json.dumps({"custom": {"who": "me"}}).encode()).decode()
    answer = fn.client.invoke(FunctionName="f", Payload=b'{"do": "context"}', ClientContext=custom)
    told = json.loads(answer["Payload"].read())
    assert told == ["f", "$LATEST", arn, answer["ResponseMetadata"]["RequestId"], {"who": "me"}]
    with pytest.raises(ClientError, match="client context"):
        fn.client.invoke(FunctionName="f", ClientContext="!!!")


def test_dry_run_only_looks(fn: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", InvocationType="DryRun", Payload=b'{"do": "nothing"}')
    assert answer["StatusCode"] == 204
    assert answer["Payload"].read() == b""
    assert fn.call({}) == {}
    assert not any("nothing" in line for line in fn.messages())
    with pytest.raises(fn.client.exceptions.ResourceNotFoundException):
        fn.client.invoke(FunctionName="nope", InvocationType="DryRun")


@pytest.mark.parametrize("payload", [b"{", b"\xff", b"{'a': 1}", b"[" * 100_000])
def test_what_is_no_json_is_refused(fn: Any, payload: bytes) -> None:
    fn.create()
    for kind in ("RequestResponse", "Event"):
        with pytest.raises(fn.client.exceptions.InvalidRequestContentException) as caught:
            fn.client.invoke(FunctionName="f", Payload=payload, InvocationType=kind)
        assert caught.value.response["Error"]["Message"].startswith("Could not parse request body into json: ")
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_payloads_have_limits(fn: Any) -> None:
    fn.create(source="def handler(event, context):\n    return len(event)\n")

    def text(size: int) -> bytes:
        return b'"' + b"x" * (size - 2) + b'"'

    assert json.loads(fn.client.invoke(FunctionName="f", Payload=text(6_291_456))["Payload"].read()) == 6_291_454
    with pytest.raises(fn.client.exceptions.RequestTooLargeException) as caught:
        fn.client.invoke(FunctionName="f", Payload=text(6_291_457))
    assert (
        caught.value.response["Error"]["Message"]
        == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"
    )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert fn.client.invoke(FunctionName="f", Payload=text(1_048_576), InvocationType="Event")["StatusCode"] == 202
    with pytest.raises(fn.client.exceptions.RequestTooLargeException, match="1048576 bytes"):
        fn.client.invoke(FunctionName="f", Payload=text(1_048_577), InvocationType="Event")


def test_an_event_runs_later(fn: Any, eventually: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"do": "later"}')
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    request_id = answer["ResponseMetadata"]["RequestId"]
    log = eventually(
        lambda: [line for line in fn.messages() if f"END RequestId: {request_id}" in line] and fn.messages()
    )
    assert "doing later\n" in log


def test_a_failing_event_is_tried_three_times_under_one_id(fn: Any, eventually: Any) -> None:
    fn.create(source=MODES)
    answer = fn.client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"do": "raise"}')
    request_id = answer["ResponseMetadata"]["RequestId"]
    eventually(lambda: f"asynchronous invocation {request_id}" in fn.cloud.log(), what="the dead letter")
    starts = eventually(lambda: [line for line in fn.messages() if line.startswith("START")])
    assert starts == [f"START RequestId: {request_id} Version: $LATEST\n"] * 3


def test_calls_run_side_by_side(fn: Any) -> None:
    fn.create(source=MODES, Timeout=20)
    client = fn.of("lambda", config=Config(max_pool_connections=8))

    def call(number: int) -> int:
        event = {"do": "sleep", "for": 0.4, "i": number}
        answer = client.invoke(FunctionName="f", Payload=json.dumps(event).encode())
        told: int = json.loads(answer["Payload"].read())["i"]
        return told

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(8)))
    assert answers == list(range(8))


def test_reserved_concurrency_is_a_limit(fn: Any, eventually: Any) -> None:
    fn.create(source=MODES, Timeout=20)
    answer = fn.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    assert answer["ReservedConcurrentExecutions"] == 1
    assert fn.client.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 1
    assert fn.client.get_function(FunctionName="f")["Concurrency"] == {"ReservedConcurrentExecutions": 1}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fn.call, {"do": "sleep", "for": 1.0})
        other = fn.of("lambda")

        def throttled() -> Any:
            try:
                other.invoke(FunctionName="f", Payload=b"{}")
            except other.exceptions.TooManyRequestsException as err:
                return err.response
            return None

        response = eventually(throttled)
        assert response["Error"]["Message"] == "Rate Exceeded."
        assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
        assert running.result()["do"] == "sleep"
    assert fn.call({"a": 1}) == {"a": 1}
    fn.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(fn.client.exceptions.TooManyRequestsException):
        fn.call({})
    fn.client.delete_function_concurrency(FunctionName="f")
    assert "ReservedConcurrentExecutions" not in fn.client.get_function_concurrency(FunctionName="f")
    assert fn.call({"a": 2}) == {"a": 2}


def test_reserved_concurrency_leaves_a_hundred(fn: Any) -> None:
    fn.create("f")
    fn.create("g")
    fn.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=800)
    assert fn.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 200
    with pytest.raises(
        fn.client.exceptions.InvalidParameterValueException, match=r"below its minimum value of \[100\]"
    ):
        fn.client.put_function_concurrency(FunctionName="g", ReservedConcurrentExecutions=101)
    fn.client.put_function_concurrency(FunctionName="g", ReservedConcurrentExecutions=100)
    fn.client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    fn.client.delete_function(FunctionName="g")
    assert fn.client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 999


def test_the_function_is_its_role(fn: Any) -> None:
    source = "import boto3\ndef handler(e, c):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    fn.create(source=source, Timeout=30)
    assert fn.call() == f"arn:aws:sts::{fn.account}:assumed-role/worker/f"
