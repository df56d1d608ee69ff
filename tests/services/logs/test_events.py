"""Events: put, got page by page in both directions, filtered."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

HOUR = 3_600_000


def refused(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    return str(caught.value.response["Error"]["Message"])


def texts(page: dict[str, Any]) -> list[str]:
    return [event["message"] for event in page["events"]]


def test_what_is_put_is_got(logs: Any, put: Callable[..., Any]) -> None:
    now = int(time.time() * 1000)
    answer = put("g", "s", ["eins", "zwei ü 🚀", "tab\tnew\nline", "\x00\x1f"], start=now - 1000)
    assert len(answer["nextSequenceToken"]) == 56
    assert "rejectedLogEventsInfo" not in answer
    page = logs.get_log_events(logGroupName="g", logStreamName="s")
    assert texts(page) == ["eins", "zwei ü 🚀", "tab\tnew\nline", "\x00\x1f"]
    assert [event["timestamp"] for event in page["events"]] == [now - 1000 + n for n in range(4)]
    assert all(now <= event["ingestionTime"] <= now + 60_000 for event in page["events"])
    size = sum(len(text.encode()) + 26 for text in texts(page))
    assert logs.describe_log_groups()["logGroups"][0]["storedBytes"] == size
    [stream] = logs.describe_log_streams(logGroupName="g")["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (now - 1000, now - 997)
    assert stream["uploadSequenceToken"] == answer["nextSequenceToken"]


def test_pages_in_both_directions(logs: Any, put: Callable[..., Any]) -> None:
    put("g", "s", [f"{n}" for n in range(10)])
    where = {"logGroupName": "g", "logStreamName": "s", "limit": 4}
    last = logs.get_log_events(**where)
    assert texts(last) == ["6", "7", "8", "9"]
    middle = logs.get_log_events(**where, nextToken=last["nextBackwardToken"])
    assert texts(middle) == ["2", "3", "4", "5"]
    first = logs.get_log_events(**where, nextToken=middle["nextBackwardToken"])
    assert texts(first) == ["0", "1"]
    none = logs.get_log_events(**where, nextToken=first["nextBackwardToken"])
    assert none["events"] == []
    assert none["nextBackwardToken"] == first["nextBackwardToken"]
    assert texts(logs.get_log_events(**where, nextToken=none["nextForwardToken"])) == ["0", "1", "2", "3"]
    again = logs.get_log_events(**where, nextToken=first["nextForwardToken"])
    assert texts(again) == ["2", "3", "4", "5"]
    end = logs.get_log_events(**where, nextToken=last["nextForwardToken"])
    assert end["events"] == []
    assert end["nextForwardToken"] == last["nextForwardToken"]
    put("g", "s", ["10"], start=int(time.time() * 1000))
    assert texts(logs.get_log_events(**where, nextToken=end["nextForwardToken"])) == ["10"]
    assert texts(logs.get_log_events(**where, startFromHead=True)) == ["0", "1", "2", "3"]


def test_an_empty_stream_can_be_followed(logs: Any, put: Callable[..., Any]) -> None:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    page = logs.get_log_events(logGroupName="g", logStreamName="s")
    assert page["events"] == []
    token = page["nextForwardToken"]
    put("g", "s", ["first"])
    page = logs.get_log_events(logGroupName="g", logStreamName="s", nextToken=token)
    assert texts(page) == ["first"]
    assert refused(logs.get_log_events, logGroupName="g", logStreamName="s", nextToken="f/12") == (
        "The specified nextToken is invalid."
    )


def test_time_ranges(logs: Any, put: Callable[..., Any]) -> None:
    base = int(time.time() * 1000) - HOUR
    put("g", "s", [(base + n * 700, str(n)) for n in range(6)])
    where = {"logGroupName": "g", "startTime": base + 700, "endTime": base + 2800}
    # GetLogEvents leaves the end out, FilterLogEvents takes it in.
    assert texts(logs.get_log_events(logStreamName="s", **where)) == ["1", "2", "3"]
    assert texts(logs.get_log_events(logStreamName="s", startFromHead=True, **where)) == ["1", "2", "3"]
    assert texts(logs.filter_log_events(**where)) == ["1", "2", "3", "4"]
    assert texts(logs.filter_log_events(logGroupName="g", startTime=2**62)) == []
    assert texts(logs.filter_log_events(logGroupName="g", startTime=base + 3500, startFromHead=False)) == ["5"]


def test_overlapping_puts_are_read_in_order_of_time(logs: Any, put: Callable[..., Any]) -> None:
    base = int(time.time() * 1000) - HOUR
    wanted = []
    for n in (3, 1, 2, 0):
        events = [(base + n * 400 + step * 173, f"{n}-{step}") for step in range(9)]
        put("g", f"s{n % 2}", events)
        wanted += events
    expected = [text for _, text in sorted(wanted)]
    assert texts(logs.filter_log_events(logGroupName="g")) == expected
    back = logs.filter_log_events(logGroupName="g", startTime=base, startFromHead=False)
    assert texts(back) == expected[::-1]
    odd = [text for text in expected if text[0] in "13"]
    for head in (True, False):
        page = logs.get_log_events(logGroupName="g", logStreamName="s1", startFromHead=head)
        assert texts(page) == odd


def test_what_a_batch_may_hold(logs: Any, put: Callable[..., Any]) -> None:
    now = int(time.time() * 1000)
    put("g", "s", ["x"])
    into = {"logGroupName": "g", "logStreamName": "s"}

    def send(*events: tuple[int, str]) -> Any:
        return {**into, "logEvents": [{"timestamp": when, "message": text} for when, text in events]}

    assert refused(logs.put_log_events, **send((now, "b"), (now - 1, "a"))) == (
        "Log events in a single PutLogEvents request must be in chronological order."
    )
    assert refused(logs.put_log_events, **send((now - 25 * HOUR, "a"), (now, "b"))) == (
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
    )
    assert refused(logs.put_log_events, **send((now, "x" * 600_000), (now, "x" * 448_525))) == (
        "Upload too large: 1048577 bytes exceeds limit of 1048576"
    )
    logs.put_log_events(**send((now, "x" * 600_000), (now, "x" * 448_524)))
    logs.put_log_events(**send((now, "\x01" * 1_048_550)), sequenceToken="whatever")
    assert "logEvents" in refused(logs.put_log_events, **send(*[(now, "x")] * 10_001))
    assert len(texts(logs.get_log_events(logGroupName="g", logStreamName="s", startTime=now - 1))) == 1
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName="g", startTime=now - 1)
    assert sum(len(page["events"]) for page in pages) == 3


def test_events_too_old_or_too_new_are_told(logs: Any, put: Callable[..., Any]) -> None:
    now = int(time.time() * 1000)
    day = 24 * HOUR
    answer = put("g", "s", [(now - 15 * day, "old"), (now - day + HOUR, "a"), (now, "b"), (now + 3 * HOUR, "new")])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3}
    logs.put_retention_policy(logGroupName="g", retentionInDays=3)
    answer = put("g", "s", [(now - 15 * day, "old"), (now - 4 * day, "expired"), (now, "c")])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 2}
    answer = put("g", "s", [(now - 4 * day, "expired")])
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert texts(logs.filter_log_events(logGroupName="g")) == ["a", "b", "c"]


def test_filter_by_stream_pattern_and_page(logs: Any, put: Callable[..., Any]) -> None:
    base = int(time.time() * 1000) - HOUR
    for n in range(30):
        put("g", f"web/{n % 3}", [(base + n, f"{'ERROR' if n % 2 else 'INFO'} n={n}")])
    put("g", "db/0", [(base + 100, '{"level": "ERROR", "n": 7}')])

    def found(page: int = 4, **params: Any) -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="g", PaginationConfig={"PageSize": page}, **params
        )
        seen = [event for part in pages for event in part["events"]]
        assert len({event["eventId"] for event in seen}) == len(seen)
        return [event["message"] for event in seen]

    assert found(filterPattern="INFO") == [f"INFO n={n}" for n in range(0, 30, 2)]
    assert found(filterPattern='"n=1" -INFO', page=100) == [f"ERROR n={n}" for n in (1, 11, 13, 15, 17, 19)]
    assert found(filterPattern='{ $.level = "ERROR" && $.n > 5 }') == ['{"level": "ERROR", "n": 7}']
    assert found(logStreamNames=["web/1", "web/0"]) == [
        f"{'ERROR' if n % 2 else 'INFO'} n={n}" for n in range(30) if n % 3 != 2
    ]
    assert len(found(logStreamNamePrefix="web/")) == 30
    assert found(logStreamNamePrefix="d") == ['{"level": "ERROR", "n": 7}']
    newest = found(startTime=base, startFromHead=False, filterPattern="INFO")
    assert newest == [f"INFO n={n}" for n in range(28, -1, -2)]
    event = logs.filter_log_events(logGroupName="g", filterPattern="%n=7$%")["events"][0]
    assert event["logStreamName"] == "web/1"
    assert refused(logs.filter_log_events, logGroupName="g", filterPattern="a:b") == (
        "Invalid character(s) in term 'a:b'"
    )
    assert refused(logs.filter_log_events, logGroupName="g", nextToken="AQ") == "The specified nextToken is invalid."
    assert "exclusive" in refused(
        logs.filter_log_events, logGroupName="g", logStreamNames=["web/1"], logStreamNamePrefix="w"
    )
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="The specified log stream does not exist"):
        logs.filter_log_events(logGroupName="g", logStreamNames=["nope"])


def test_a_large_page_and_many_chunks(logs: Any, put: Callable[..., Any]) -> None:
    base = int(time.time() * 1000) - HOUR
    for part in range(3):
        put("g", "s", [(base + part * 5000 + n, f"line {part} {n}") for n in range(5000)])
    page = logs.get_log_events(logGroupName="g", logStreamName="s", startFromHead=True)
    assert len(page["events"]) == 10_000
    rest = logs.get_log_events(logGroupName="g", logStreamName="s", nextToken=page["nextForwardToken"])
    assert texts(rest)[0] == "line 2 0"
    assert len(rest["events"]) == 5000
    found = logs.filter_log_events(logGroupName="g", filterPattern='"line 2 4999"')
    assert len(found["events"]) == 1
