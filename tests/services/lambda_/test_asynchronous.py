"""Asynchronous invocations on scripted workers: retries, throttles, dead letters, payloads, deletions."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.base import context as principals
from cumulet.base.errors import AwsError
from cumulet.run.functions import Outcome, TooManyWorkers
from cumulet.services.lambda_ import asynchronous

FAILED = Outcome(b'{"errorMessage": "no"}', "Unhandled", b"", 1.0, 1, 30, None)
S3 = principals.service("s3.amazonaws.com", "111122223333", "arn:aws:s3:::photos")


async def enqueue(h: Any, payload: bytes = b"{}", **more: Any) -> str:
    answer = await h.call("EnqueueInvocation", FunctionName="f", Payload=payload, **more)
    return str(answer["RequestId"])


async def dead(h: Any) -> list[Any]:
    found: list[Any] = (await h.call("ListDeadInvocations", FunctionName="f"))["Invocations"]
    return found


def test_an_event_runs_once_when_it_succeeds(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            request_id = await enqueue(h, b'{"a": 1}')
            await h.idle()
            assert [(payload, rid) for _, payload, rid in h.workers.calls] == [(b'{"a": 1}', request_id)]
            assert await dead(h) == []

    run(main())


def test_errors_are_retried_twice_and_end_as_a_dead_letter(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            h.workers.script = [FAILED] * 9
            request_id = await enqueue(h, b'{"a": 1}')
            await h.idle()
            assert [rid for _, _, rid in h.workers.calls] == [request_id] * 3
            (letter,) = await dead(h)
            assert letter["RequestId"] == request_id
            assert letter["Condition"] == "RetriesExhausted"
            assert letter["ApproximateInvokeCount"] == 3
            assert letter["RequestPayload"] == '{"a": 1}'
            assert letter["ResponsePayload"] == '{"errorMessage": "no"}'

    run(main())


def test_a_retry_that_succeeds_ends_it(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            h.workers.script = [FAILED, FAILED]
            await enqueue(h)
            await h.idle()
            assert len(h.workers.calls) == 3
            assert await dead(h) == []

    run(main())


def test_throttles_do_not_count_as_errors_and_last_six_hours(
    house: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asynchronous, "FIRST_THROTTLE", 0.001)
    monkeypatch.setattr(asynchronous, "LAST_THROTTLE", 0.002)

    async def main() -> None:
        async with house() as h:
            await h.create()
            h.workers.script = [TooManyWorkers("full", reserved=True)] * 10
            await enqueue(h)
            await h.idle()
            assert len(h.workers.calls) == 11
            assert await dead(h) == []
            h.workers.script = [TooManyWorkers("full")] * 10_000
            await enqueue(h)
            await h.until(lambda: len(h.workers.calls) > 20)
            h.clock.advance(6 * 3600 + 1)
            await h.idle()
            (letter,) = await dead(h)
            assert letter["Condition"] == "EventAgeExceeded"
            assert letter["ResponsePayload"] == "TooManyRequestsException: Rate Exceeded."

    run(main())


def test_large_payloads_travel_beside_the_event_and_are_cleared(house: Any, run: Any) -> None:
    large = b'"' + b'\\"' * 500_000 + b'"'

    async def main() -> None:
        async with house() as h:
            await h.create()
            rows = len(h.kernel.machine.kv.begin().range(b"", b"\xff", 10_000))
            h.workers.script = [FAILED]
            await enqueue(h, large)
            await h.idle()
            assert [payload for _, payload, _ in h.workers.calls] == [large, large]
            assert len(h.kernel.machine.kv.begin().range(b"", b"\xff", 10_000)) == rows
            with pytest.raises(AwsError, match="1048576"):
                await enqueue(h, b'"' + b"x" * 1_048_575 + b'"')

    run(main())


def test_events_for_a_deleted_function_are_nobodys(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house(delays=(0.05, 0.05)) as h:
            await h.create()
            h.workers.script = [FAILED]
            await enqueue(h)
            await h.until(lambda: h.workers.calls)
            await h.call("DeleteFunction", FunctionName="f")
            await h.create(idle=False)
            await h.idle()
            assert len(h.workers.calls) == 1
            assert await dead(h) == []

    run(main())


def test_a_service_needs_the_functions_permission(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            for name in ("AuthorizeInvoke", "EnqueueInvocation"):
                with pytest.raises(AwsError) as caught:
                    await h.call(name, by=S3, FunctionName="f")
                assert (caught.value.code, caught.value.status) == ("AccessDeniedException", 403)
                with pytest.raises(AwsError) as caught:
                    await h.call(name, by=S3, FunctionName="nope")
                assert caught.value.code == "ResourceNotFoundException"
            allow = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
            await h.call(
                "AddPermission", FunctionName="f", SourceArn="arn:aws:s3:::phot*", SourceAccount="111122223333", **allow
            )
            assert await h.call("AuthorizeInvoke", by=S3, FunctionName="f")
            await h.call("EnqueueInvocation", by=S3, FunctionName="arn:aws:lambda:us-east-1:111122223333:function:f")
            await h.idle()
            assert len(h.workers.calls) == 1
            for other in (
                principals.service("s3.amazonaws.com", "111122223333", "arn:aws:s3:::other"),
                principals.service("s3.amazonaws.com", "999999999999", "arn:aws:s3:::photos"),
                principals.service("sns.amazonaws.com", "111122223333", "arn:aws:s3:::photos"),
            ):
                with pytest.raises(AwsError, match="no resource-based policy"):
                    await h.call("AuthorizeInvoke", by=other, FunctionName="f")

    run(main())


def test_a_stopped_function_gets_its_events_as_dead_letters(house: Any, run: Any) -> None:
    async def main() -> None:
        async with house() as h:
            await h.create()
            await h.call("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
            h.workers.script = [TooManyWorkers("stopped", reserved=True)]
            await enqueue(h)
            await h.idle()
            assert len(h.workers.calls) == 1
            assert len(await dead(h)) == 1

    run(main())
