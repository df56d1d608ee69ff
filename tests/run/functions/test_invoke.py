"""What a function sees and gives back: events, context, environment, packages, layers."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from cumulet.run.functions import Outcome, RuntimeUnavailable

if TYPE_CHECKING:
    from tests.run.functions.conftest import Lab

APP = """
import json, os, sys
count = 0

def handler(event, context):
    return event

def counter(event, context):
    global count
    count += 1
    return [count, os.getpid()]

def about(event, context):
    c = context
    return dict(
        id=c.aws_request_id, name=c.function_name, version=c.function_version, arn=c.invoked_function_arn,
        memory=c.memory_limit_in_mb, group=c.log_group_name, stream=c.log_stream_name,
        left=c.get_remaining_time_in_millis(), identity=c.identity.cognito_identity_id,
        custom=c.client_context and c.client_context.custom, title=c.client_context and c.client_context.client.app_title,
        trace=os.environ.get("_X_AMZN_TRACE_ID"))

def environment(event, context):
    return dict(os.environ)

def place(event, context):
    return dict(cwd=os.getcwd(), path=sys.path, task=sorted(os.listdir(os.environ["LAMBDA_TASK_ROOT"])), argv=sys.argv)

def raw(event, context):
    return b"\\x89PNG"

def number(event, context):
    import decimal
    return [decimal.Decimal("1.5"), decimal.Decimal(3), "\\u00fc"]

def aws(event, context):
    import boto3
    return [boto3.__file__, boto3.client("s3").meta.endpoint_url, boto3.client("s3").meta.region_name]

def layered(event, context):
    import inlayer, both
    return [inlayer.NAME, both.NAME, open("/opt/data.txt").read()]

def zone(event, context):
    import time
    return time.strftime("%z")

def randomness(event, context):
    import random, uuid
    return [random.random(), str(uuid.uuid4())]

def stdin(event, context):
    return sys.stdin.read() if sys.stdin else "none"
"""


@pytest.fixture(autouse=True)
def _code(shared: Lab) -> None:
    shared.write("app.py", APP)
    shared.write("pkg/deep/mod.py", "def h(e, c): return __name__\n")
    shared.events.clear()


@pytest.mark.parametrize("event", [None, {"a": [1, 2.5, "ü", None]}, [], "x", 0, {"big": "x" * 300_000}])
def test_the_event_arrives_and_the_result_returns(shared: Lab, event: object) -> None:
    assert shared.call("app.handler", event) == event


def test_large_payloads_travel_both_ways(shared: Lab) -> None:
    event = "y" * 6_000_000
    assert shared.call("app.handler", event) == event


def test_a_warm_worker_keeps_its_state_and_its_credentials(shared: Lab) -> None:
    asked = shared.credentials_asked
    first, pid = shared.call("app.counter")
    second, same = shared.call("app.counter")
    assert (first, second, pid) == (1, 2, same)
    assert shared.credentials_asked == asked + 1


def test_the_context_is_as_documented(shared: Lab) -> None:
    context = {"custom": {"k": "ü"}, "client": {"app_title": "T"}, "env": {}}
    more = {"client_context": json.dumps(context, ensure_ascii=False, indent=1), "trace": "Root=1-2-3;Sampled=1"}
    outcome: Outcome = shared.runner.run(shared.start(shared.spec("app.about"), None, **more))
    got = json.loads(outcome.payload)
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", got.pop("stream"))
    assert 9_000 < got.pop("left") <= 10_000
    assert got == {
        "id": "8f5a1c1e-0000-4000-a000-000000000001",
        "name": "f",
        "version": "$LATEST",
        "arn": "arn:aws:lambda:eu-west-1:000000000000:function:f",
        "memory": "128",
        "group": "/aws/lambda/f",
        "identity": None,
        "custom": {"k": "ü"},
        "title": "T",
        "trace": "Root=1-2-3;Sampled=1",
    }
    # The next invocation has none of it.
    again = shared.call("app.about")
    assert (again["custom"], again["trace"]) == (None, None)


def test_the_environment_is_as_documented(shared: Lab) -> None:
    env = shared.call("app.environment", environment={"COLOUR": "red", "AWS_REGION": "mars", "LANG": "C.UTF-8"})
    assert (
        env.items()
        >= {
            "COLOUR": "red",
            "LANG": "C.UTF-8",
            "_HANDLER": "app.environment",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
            "AWS_ACCESS_KEY_ID": "ASIA1",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_SESSION_TOKEN": "t",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TZ": ":UTC",
        }.items()
    )
    assert not [name for name in env if name.startswith(("_CUMULET", "PYTEST", "VIRTUAL_ENV", "HOME"))]


def test_the_function_starts_in_its_code(shared: Lab) -> None:
    got = shared.call("app.place")
    assert got["cwd"] == got["path"][0]
    assert got["task"] == ["app.py", "pkg"]
    assert not [entry for entry in got["path"] if "site-packages" in entry and not entry.startswith("/opt")]


def test_a_handler_may_lie_in_a_folder(shared: Lab) -> None:
    assert shared.call("pkg/deep/mod.h") == "pkg.deep.mod"


def test_bytes_are_returned_as_they_are(shared: Lab) -> None:
    assert shared.outcome("app.raw").payload == b"\x89PNG"


def test_decimals_and_text_before_python_3_12_are_ascii_json(shared: Lab) -> None:
    assert shared.outcome("app.number").payload == b'[1.5, 3, "\\u00fc"]'


def test_boto3_is_there_and_knows_the_cloud(shared: Lab) -> None:
    place, endpoint, region = shared.call("app.aws")
    assert place.endswith("/boto3/__init__.py")
    assert (endpoint, region) == ("http://127.0.0.1:4566", "eu-west-1")


def test_a_package_of_the_function_wins_over_ours(shared: Lab) -> None:
    shared.write("own/boto3.py", "def client(name):\n    raise SystemExit\n")
    shared.write("own/app.py", "import boto3, json\ndef handler(e, c): return [boto3.__file__, json.__name__]\n")
    got = shared.call("app.handler", code=shared.code / "own")
    assert got[0].endswith("boto3.py")


@pytest.mark.linux
def test_layers_merge_and_the_last_wins(shared: Lab) -> None:
    if shared.functions.isolation == "none":
        pytest.skip("plain processes have no /opt")
    for number, folder in enumerate(("python", "python/lib/python3.11/site-packages")):
        layer = shared.root / f"layer{number}"
        (layer / folder).mkdir(parents=True, exist_ok=True)
        (layer / "data.txt").write_text(str(number))
        (layer / "python" / "both.py").write_text(f"NAME = {number}\n")
    (shared.root / "layer0/python/inlayer.py").write_text("NAME = 'first'\n")
    layers = (shared.root / "layer0", shared.root / "layer1")
    assert shared.call("app.layered", layers=layers) == ["first", 1, "1"]
    assert shared.call("app.layered", layers=layers[:1]) == ["first", 0, "0"]


def test_time_is_utc_and_randomness_differs_between_workers(shared: Lab) -> None:
    assert shared.call("app.zone") == "+0000"
    one = shared.call("app.randomness", version="1")
    two = shared.call("app.randomness", version="2")
    assert one[0] != two[0]
    assert one[1] != two[1]


def test_standard_input_is_empty(shared: Lab) -> None:
    assert shared.call("app.stdin") in ("", "none")


def test_a_missing_runtime_says_what_to_install(shared: Lab) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"python3\.14"):
        shared.runner.run(shared.start(shared.spec(runtime="python3.14"), None))
    with pytest.raises(RuntimeUnavailable, match=r"nodejs20\.x"):
        shared.runner.run(shared.start(shared.spec(runtime="nodejs20.x"), None))


def test_figures_of_a_cold_and_a_warm_invocation(shared: Lab) -> None:
    cold = shared.outcome("app.handler", version="7")
    warm = shared.outcome("app.handler", version="7")
    assert cold.init_ms is not None
    assert cold.billed_ms >= cold.init_ms
    assert warm.init_ms is None
    assert warm.duration_ms - 0.01 <= warm.billed_ms <= max(1, warm.duration_ms + 1)
    assert 5 < warm.max_memory_mb <= 128


def test_a_warm_answer_takes_no_fixed_wait(shared: Lab) -> None:
    async def best() -> float:
        spec = shared.spec("app.handler", version="8")
        times = []
        for _ in range(200):
            started = time.perf_counter()
            await shared.start(spec, {"a": 1})
            times.append(time.perf_counter() - started)
        return sorted(times)[len(times) // 4]

    assert shared.runner.run(best()) < 0.001
