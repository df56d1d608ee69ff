"""Log events: the platform's lines, prints, records, and their order."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.run.functions.conftest import Lab

REQUEST_ID = "8f5a1c1e-0000-4000-a000-000000000001"
APP = """
import logging, os, sys, time, threading

print("loaded")

def quiet(event, context):
    return event

def talk(event, context):
    logging.getLogger().setLevel(logging.INFO)
    print("one")
    sys.stderr.write("two\\n")
    os.system("echo three")
    logging.info("four\\nand more")
    print("five", end="")
    logging.warning("six")
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("seven")
    print("eight\\nnine")
    print("\\u00fc\\U0001f389 \\udcff")
    print("last without a break", end="")

def default_level(event, context):
    logging.info("hidden")
    logging.warning("shown")

def slow(event, context):
    print("at once")
    print("and this", end="")
    time.sleep(30)

def flood(event, context):
    for number in range(20000):
        print(number)

def long(event, context):
    print("z" * 600_000)

def nul(event, context):
    print("a\\x00b")

def replaced(event, context):
    sys.stdout = open(os.devnull, "w")
    print("nobody hears this")
    logging.warning("but this")

def background(event, context):
    threading.Timer(0.05, print, ["from behind"]).start()

def closed(event, context):
    sys.stdout.close()
    os.close(1); os.close(2)
    return "mute"
"""


@pytest.fixture(autouse=True)
def _code(shared: Lab) -> None:
    shared.write("app.py", APP)
    shared.events.clear()


def test_the_platforms_lines(shared: Lab) -> None:
    shared.call("app.quiet")
    init, loaded, start, end, report = shared.texts
    version = r"INIT_START Runtime Version: python:3\.11\.v[\d.]+\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}\n"
    assert re.fullmatch(version, init)
    assert loaded == "loaded\n"
    assert start == f"START RequestId: {REQUEST_ID} Version: $LATEST\n"
    assert end == f"END RequestId: {REQUEST_ID}\n"
    figures = (
        r"\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB"
        r"\tInit Duration: \d+\.\d\d ms\t\n"
    )
    assert re.fullmatch(rf"REPORT RequestId: {REQUEST_ID}{figures}", report)
    shared.events.clear()
    shared.call("app.quiet")
    assert [text.split(" ")[0] for text in shared.texts] == ["START", "END", "REPORT"]
    assert "Init Duration" not in shared.texts[-1]


def test_everything_said_is_an_event_in_its_order(shared: Lab) -> None:
    shared.call("app.talk")
    said = shared.texts[3:-2]
    stamp = rf"\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ\t{REQUEST_ID}\t"
    expected = [
        "one\n",
        "two\n",
        "three\n",
        rf"\[INFO\]{stamp}four\nand more\n",
        "five\n",
        rf"\[WARNING\]{stamp}six\n",
        rf"\[ERROR\]{stamp}seven\nTraceback \(most recent call last\):\n  File [^\0]*ZeroDivisionError: division by zero\n",
        "eight\n",
        "nine\n",
        "ü🎉 \\\\udcff\n",
        "last without a break\n",
    ]
    assert len(said) == len(expected), said
    for text, pattern in zip(said, expected, strict=True):
        assert re.fullmatch(pattern, text), text


def test_records_below_warning_are_dropped_by_default(shared: Lab) -> None:
    shared.call("app.default_level")
    assert not [text for text in shared.texts if "hidden" in text]
    assert [text for text in shared.texts if text.endswith("\tshown\n")]


def test_a_line_is_delivered_while_the_function_still_runs_and_survives_its_end(shared: Lab) -> None:
    async def watch() -> float:
        spec = shared.spec("app.slow", timeout=0.4)
        task = shared.runner.get_loop().create_task(shared.start(spec))
        started = time.monotonic()
        await shared.until(lambda: "at once\n" in shared.texts)
        waited = time.monotonic() - started
        assert not task.done()
        await task
        return waited

    assert shared.runner.run(watch()) < 0.35
    at = shared.texts.index("at once\n")
    assert shared.texts[at + 1] == "and this\n"
    assert "Task timed out after 0.40 seconds" in shared.texts[at + 2]


def test_a_flood_is_complete(shared: Lab) -> None:
    shared.call("app.flood")
    assert [text for text in shared.texts if text[0].isdigit()] == [f"{number}\n" for number in range(20000)]


def test_a_line_beyond_256_kb_is_cut(shared: Lab) -> None:
    shared.call("app.long")
    pieces = [text for text in shared.texts if text.startswith("z")]
    assert len(pieces) >= 3
    assert max(map(len, pieces)) <= 256 * 1024
    assert sum(piece.count("z") for piece in pieces) == 600_000


def test_nul_bytes_pass(shared: Lab) -> None:
    shared.call("app.nul")
    assert "a\x00b\n" in shared.texts


def test_records_do_not_depend_on_sys_stdout(shared: Lab) -> None:
    shared.call("app.replaced")
    assert "nobody hears this\n" not in shared.texts
    assert [text for text in shared.texts if text.endswith("but this\n")]


def test_output_after_the_answer_is_kept(shared: Lab) -> None:
    shared.call("app.background")
    shared.runner.run(shared.until(lambda: "from behind\n" in shared.texts))


def test_a_function_without_its_output_still_answers(shared: Lab) -> None:
    assert shared.call("app.closed") == "mute"
    assert shared.call("app.closed", version="2") == "mute"


def test_one_stream_per_worker(shared: Lab) -> None:
    shared.call("app.quiet")
    shared.call("app.quiet")
    shared.call("app.quiet", version="42")
    streams = {stream for stream, _, _ in shared.events}
    assert len(streams) == 2
    today = time.strftime("%Y/%m/%d", time.gmtime())
    assert [stream for stream in streams if re.fullmatch(rf"{today}/\[42\][0-9a-f]{{32}}", stream)]


def test_the_tail_is_the_end_of_the_invocations_own_log(shared: Lab) -> None:
    shared.call("app.quiet")
    outcome = shared.outcome("app.quiet")
    lines = outcome.tail.decode().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["START", "END", "REPORT"]
    flood = shared.outcome("app.flood").tail
    assert len(flood) == 4096
    assert b"\n19999\nEND RequestId" in flood
    failed = shared.outcome("app.absent")
    assert b"Runtime.HandlerNotFound" in failed.tail
    assert json.loads(failed.payload)["errorType"] == "Runtime.HandlerNotFound"


def test_times_are_milliseconds_and_never_run_back(shared: Lab) -> None:
    shared.call("app.talk")
    times = [at for _, at, _ in shared.events]
    assert times == sorted(times)
    assert abs(times[-1] - time.time() * 1000) < 5000
