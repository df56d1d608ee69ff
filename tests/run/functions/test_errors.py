"""Errors in AWS's own shapes: of the handler, of its import, of the process."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from cumulet.run.functions import WorkerFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.run.functions.conftest import Lab

REQUEST_ID = "8f5a1c1e-0000-4000-a000-000000000001"
APP = """
import os, sys, time

class Odd(Exception):
    pass

def handler(event, context):
    return event

def boom(event, context):
    raise Odd("two\\nlines")

def recursion(event, context):
    return recursion(event, context)

def unserialisable(event, context):
    return {1, 2}

def leave(event, context):
    sys.exit(event)

def vanish(event, context):
    os._exit(0)

def kill(event, context):
    os.kill(os.getpid(), event)
    time.sleep(9)

def hang(event, context):
    time.sleep(60)

def spin(event, context):
    while True:
        pass

def big(event, context):
    return "x" * 6_300_000

def close_everything(event, context):
    os.closerange(3, 100)
    time.sleep(60)

def eat(event, context):
    data = bytearray(event << 20)
    for at in range(0, len(data), 4096):
        data[at] = 1
    return len(data)

def eat_and_wait(event, context):
    data = bytearray(event << 20)
    for at in range(0, len(data), 4096):
        data[at] = 1
    time.sleep(30)

def fill(event, context):
    with open("/tmp/f", "wb") as file:
        for _ in range(event):
            file.write(bytes(1 << 20))
    return os.path.getsize("/tmp/f")
"""


@pytest.fixture(autouse=True)
def _code(shared: Lab) -> None:
    shared.write("app.py", APP)
    shared.events.clear()


def test_an_exception_of_the_handler(shared: Lab) -> None:
    error = shared.fail("app.boom")
    (frame,) = error.pop("stackTrace")
    assert error == {"errorMessage": "two\nlines", "errorType": "Odd", "requestId": REQUEST_ID}
    assert frame.startswith('  File "')
    assert 'app.py", line 11, in boom\n    raise Odd("two\\nlines")\n' in frame
    (logged,) = [text for text in shared.texts if text.startswith("[ERROR]")]
    assert logged.startswith("[ERROR] Odd: two\nlines\nTraceback (most recent call last):\n\u00a0\u00a0File ")
    assert shared.call("app.handler", 1) == 1


def test_endless_recursion(shared: Lab) -> None:
    assert shared.fail("app.recursion")["errorType"] == "RecursionError"


@pytest.mark.parametrize(
    ("handler", "event", "kind", "message"),
    [
        (
            "app.unserialisable",
            b"1",
            "MarshalError",
            "Unable to marshal response: Object of type set is not JSON serializable",
        ),
        ("app.handler", b"{x", "UnmarshalError", "Unable to unmarshal input: Expecting property name"),
        (
            "app.handler",
            b"[" * 100_000,
            "UnmarshalError",
            "Unable to unmarshal input: maximum recursion depth exceeded",
        ),
        ("app.handler", b"\xff\xfe\xfd", "UnmarshalError", "Unable to unmarshal input: "),
    ],
)
def test_what_is_no_json(shared: Lab, handler: str, event: bytes, kind: str, message: str) -> None:
    error = shared.fail(handler, event)
    assert error["errorType"] == f"Runtime.{kind}"
    assert error["errorMessage"].startswith(message)
    assert error["stackTrace"] == []


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        ("absent.handler", "ImportModuleError", "Unable to import module 'absent': No module named 'absent'"),
        ("needs.handler", "ImportModuleError", "Unable to import module 'needs': No module named 'nowhere'"),
        ("app.absent", "HandlerNotFound", "Handler 'absent' missing on module 'app'"),
        ("plain", "MalformedHandlerName", "Bad handler 'plain': not enough values to unpack (expected 2, got 1)"),
        (
            "broken.handler",
            "UserCodeSyntaxError",
            "Syntax error in module 'broken': '(' was never closed (broken.py, line 1)",
        ),
        ("sys.exit", "BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ],
)
def test_a_handler_that_cannot_be_loaded(shared: Lab, handler: str, kind: str, message: str) -> None:
    shared.write("needs.py", "import nowhere\n")
    shared.write("broken.py", "def handler(\n")
    error = shared.fail(handler)
    assert (error["errorType"], error["errorMessage"]) == (f"Runtime.{kind}", message)
    # As in Lambda, the failed init phase is run again inside the invocation, and both are reported.
    reports = [text.split("\t", 1)[1] for text in shared.texts if text.startswith("INIT_REPORT")]
    tail = f"Status: error\tError Type: Runtime.{kind}\n"
    assert reports == [f"Phase: init\t{tail}", f"Phase: invoke\t{tail}"]
    assert [text.split(" ")[0] for text in shared.texts[-3:]] == ["START", "END", "REPORT"]


def test_an_exception_while_the_module_loads(shared: Lab) -> None:
    shared.write("raises.py", "print('loading')\n{}['key']\n")
    error = shared.fail("raises.handler")
    assert (error["errorType"], error["errorMessage"]) == ("KeyError", "'key'")
    assert "raises.py" in error["stackTrace"][-1]
    assert shared.texts.count("loading\n") == 2


@pytest.mark.parametrize(
    ("handler", "event", "reason"),
    [
        ("app.leave", 1, "Runtime exited with error: exit status 1"),
        ("app.leave", 129, "Runtime exited with error: exit status 129"),
        ("app.leave", "why", "Runtime exited with error: exit status 1"),
        ("app.leave", 0, "Runtime exited without providing a reason"),
        ("app.vanish", 0, "Runtime exited without providing a reason"),
        ("app.kill", 9, "Runtime exited with error: signal: killed"),
        ("app.kill", 11, "Runtime exited with error: signal: segmentation fault"),
        ("app.kill", 6, "Runtime exited with error: signal: aborted"),
        ("app.close_everything", 0, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_process_that_ends_itself(shared: Lab, handler: str, event: object, reason: str) -> None:
    if handler == "app.close_everything" and os.environ.get("CUMULET_TEST_ISOLATION") == "spawn":
        pytest.skip("over TCP a runtime may come back: it is left to the timeout")
    error = shared.fail(handler, event)
    assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {REQUEST_ID} Error: {reason}"}
    assert f"RequestId: {REQUEST_ID} Error: {reason}\nRuntime.ExitError\n" in shared.texts
    assert shared.texts[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError\t\n")


def test_a_process_that_ends_while_the_module_loads(shared: Lab) -> None:
    shared.write("exits.py", "import os\nos._exit(3)\n")
    error = shared.fail("exits.handler")
    assert error["errorMessage"] == f"RequestId: {REQUEST_ID} Error: Runtime exited with error: exit status 3"


@pytest.mark.parametrize("handler", ["app.hang", "app.spin"])
def test_a_function_that_takes_too_long(shared: Lab, handler: str) -> None:
    outcome = shared.outcome(handler, timeout=0.2)
    assert outcome.error == "Unhandled"
    assert outcome.payload.decode() == (
        '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: '
        f'{REQUEST_ID} Error: Task timed out after 0.20 seconds"}}'
    )
    assert outcome.duration_ms == 200.0
    assert 200 < outcome.billed_ms <= 201 + (outcome.init_ms or 0)
    assert shared.texts[-3].endswith(f"Z {REQUEST_ID} Task timed out after 0.20 seconds\n\n")
    assert "\tStatus: timeout\t\n" in shared.texts[-1]


def test_a_response_that_is_too_large(shared: Lab) -> None:
    assert shared.fail("app.big") == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


@pytest.mark.linux
@pytest.mark.parametrize(("handler", "size"), [("app.eat", 300), ("app.eat_and_wait", 300), ("app.eat", 3000)])
def test_a_function_that_takes_too_much_memory(shared: Lab, handler: str, size: int) -> None:
    outcome = shared.outcome(handler, size)
    assert json.loads(outcome.payload) == {
        "errorType": "Runtime.OutOfMemory",
        "errorMessage": f"RequestId: {REQUEST_ID} Error: Runtime exited with error: signal: killed",
    }
    assert outcome.max_memory_mb == 128
    assert "Max Memory Used: 128 MB" in shared.texts[-1]
    assert shared.texts[-1].endswith("Status: error\tError Type: Runtime.OutOfMemory\t\n")


@pytest.mark.linux
def test_memory_that_is_allowed_is_reported(shared: Lab) -> None:
    outcome = shared.outcome("app.eat", 70)
    assert outcome.error is None
    assert 70 < outcome.max_memory_mb <= 128


@pytest.mark.linux
def test_the_private_tmp_is_as_large_as_configured_and_is_not_memory(shared: Lab) -> None:
    if shared.functions.isolation == "none":
        pytest.skip("plain processes have no /tmp of their own")
    assert shared.call("app.fill", 200, tmp_mb=210) == 200 << 20
    error = shared.fail("app.fill", 220, tmp_mb=210)
    assert (error["errorType"], error["errorMessage"]) == ("OSError", "[Errno 28] No space left on device")


def test_an_init_phase_that_takes_too_long_is_run_again_within_the_invocation(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(init_timeout=0.15)
    lab.write("slow.py", "import time\nprint('loading')\ntime.sleep(0.3)\ndef handler(e, c): return 'done'\n")
    outcome = lab.outcome("slow.handler")
    assert outcome.payload == b'"done"'
    assert outcome.init_ms is None
    assert outcome.duration_ms > 300
    assert lab.texts.count("loading\n") == 2
    assert next(text for text in lab.texts if "INIT_REPORT" in text).endswith("\tPhase: init\tStatus: timeout\n")
    late = lab.outcome("slow.handler", timeout=0.2)
    assert b"Task timed out after 0.20 seconds" in late.payload


def test_an_environment_beyond_measure_is_refused_and_hurts_nobody(shared: Lab) -> None:
    with pytest.raises(WorkerFailed):
        shared.outcome("app.handler", environment={"X": "x" * 500_000})
    assert shared.call("app.handler", 5) == 5
