"""The dispatcher against a made-up service: what is answered, what is recorded, and what happens when things break."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cumulet.base.errors import AwsError, Conflict, DiskFull, StoreError
from cumulet.base.messages import Body, BodyBroken, BytesBody, Request, Response, StreamBody
from cumulet.kernel.audit import EVENTS
from cumulet.kernel.dispatch import LARGE, Dispatcher
from cumulet.kernel.service import Service, operation
from cumulet.store import keys, memory, records

ACCOUNT = "111122223333"
NOTE = keys.pack("note")


def create_log_group(ctx: Any, req: Any) -> dict[str, Any]:
    name = req["logGroupName"]
    if name == "denied":
        ctx.tx.put(NOTE, b"never")
        raise AwsError("AccessDeniedException", "no")
    if name == "crash":
        raise RuntimeError("a secret of the house")
    ctx.tx.put(NOTE, name.encode())
    return {}


def describe_log_groups(ctx: Any, req: Any) -> dict[str, Any]:
    note = (ctx.tx.get(NOTE) or b"").decode()
    return {"logGroups": [{"logGroupName": note, "arn": f"{ctx.account}/{ctx.region}/{ctx.principal.kind}"}]}


def put_log_events(ctx: Any, req: Any) -> dict[str, Any]:
    if req["logGroupName"] == "missing":
        raise AwsError("ResourceNotFoundException", "gone")
    return {}


async def get_log_events(ctx: Any, req: Any) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"events": []}


async def delete_log_group(ctx: Any, req: Any) -> dict[str, Any]:
    ctx.transact(lambda inside: inside.tx.delete(NOTE))
    await asyncio.sleep(0)
    if req["logGroupName"] == "crash":
        raise RuntimeError("a secret of the house")
    return {}


def describe_export_tasks(ctx: Any, req: Any) -> dict[str, Any]:
    raise AssertionError("an internal operation was reached")


def describe_destinations(ctx: Any, req: Any) -> dict[str, Any]:
    return {"destinations": [{"destinationName": ctx.principal.kind}]}


class Store(memory.MemoryKv):
    """A store that breaks on demand."""

    full = False
    races = 0
    sync: asyncio.Future[None] | None = None

    def commit(self, tx: Any) -> None:
        if tx.dirty and self.full:
            raise DiskFull("the disk is full")
        if tx.dirty and self.races:
            self.races -= 1
            raise Conflict("lost")
        super().commit(tx)

    def durable(self) -> Awaitable[None] | None:
        return self.sync


@pytest.fixture
def service(make_module: Any) -> Service:
    module = make_module(
        create_log_group=operation(create_log_group),
        describe_log_groups=operation(describe_log_groups),
        put_log_events=operation(data=True)(put_log_events),
        get_log_events=operation(data=True)(get_log_events),
        delete_log_group=operation(delete_log_group),
        describe_export_tasks=operation(internal=True)(describe_export_tasks),
        describe_destinations=operation(anonymous=True)(describe_destinations),
    )
    return Service("logs", module, max_body=1_000_000)


def request(
    name: str,
    params: Any = None,
    *,
    raw: bytes | None = None,
    sign: str | None = ACCOUNT,
    region: str = "us-east-1",
    body: Body | None = None,
) -> Request:
    """A call as the gateway hands it over."""
    data = raw if raw is not None else json.dumps(params or {}).encode()
    headers = {
        "X-Amz-Target": f"Logs_20140328.{name}",
        "Content-Type": "application/x-amz-json-1.1",
        "Host": "localhost",
    }
    prepared = AWSRequest("POST", "http://localhost/", data=data, headers=headers)
    if sign is not None:
        SigV4Auth(Credentials(sign, "test"), "logs", region).add_auth(prepared)
    return Request(
        "POST", "/", {key.lower(): value for key, value in prepared.headers.items()}, body or BytesBody(data)
    )


class Desk:
    """A dispatcher in a house, and what its tests look at."""

    def __init__(self, house: Any, store: Store) -> None:
        self.house = house
        self.store = store
        house.clock.now = time.time()
        self.dispatch = Dispatcher(house.kernel, lambda request, verifier: request.body)

    async def call(self, name: str, params: Any = None, **more: Any) -> tuple[int, Any, Response]:
        """Status, decoded body, response."""
        answer = self.dispatch(request(name, params, **more))
        response = answer if isinstance(answer, Response) else await answer
        assert isinstance(response.body, bytes)
        assert dict(response.headers)["x-amzn-RequestId"]
        return response.status, json.loads(response.body or b"{}"), response

    def stored(self) -> list[tuple[str, str | None]]:
        """The durable events, in the order of their names."""
        return sorted(map(_told, self._records()), key=str)

    def passing(self) -> list[tuple[str, str | None]]:
        """The events that are told of but not stored, in the order of their names."""
        durable = {(event["requestID"], event["eventName"]) for event in self._records()}
        told = self.house.kernel.audit.events()
        return sorted((_told(e) for e in told if (e["requestID"], e["eventName"]) not in durable), key=str)

    def _records(self) -> list[Any]:
        return [records.decode(raw) for _, raw in self.store.range(*keys.bounds(EVENTS), 1000)]


def _told(event: Any) -> tuple[str, str | None]:
    return event["eventName"], event.get("errorCode")


@pytest.fixture
def at_desk(house: Any, service: Service, run: Any) -> Iterator[Callable[..., None]]:
    """`at_desk(test)` runs `await test(desk)`."""

    def perform(test: Callable[[Desk], Awaitable[None]], *, rehearse: bool = False) -> None:
        async def inside() -> None:
            store = Store()
            async with house(service, store=(store, memory.MemoryBlobs(store, 1.0)), rehearse=rehearse) as h:
                await test(Desk(h, store))
                store.full = False
                store.sync = None

        run(inside())

    yield perform


@pytest.mark.parametrize("rehearse", [False, True])
def test_management_events_and_denials_are_stored_and_data_events_pass(at_desk: Any, rehearse: bool) -> None:
    async def test(desk: Desk) -> None:
        assert (await desk.call("CreateLogGroup", {"logGroupName": "a"}))[0] == 200
        assert (await desk.call("DescribeLogGroups"))[0] == 200
        assert (await desk.call("CreateLogGroup", {"logGroupName": "denied"}))[1]["__type"] == "AccessDeniedException"
        assert (await desk.call("DeleteLogGroup", {"logGroupName": "a"}))[0] == 200
        assert desk.passing() == []
        events = {"logGroupName": "a", "logStreamName": "s"}
        assert (await desk.call("PutLogEvents", {**events, "logEvents": [{"timestamp": 1, "message": "m"}]}))[0] == 200
        assert (await desk.call("GetLogEvents", events))[0] == 200
        gone = {**events, "logGroupName": "missing", "logEvents": [{"timestamp": 1, "message": "m"}]}
        assert (await desk.call("PutLogEvents", gone))[0] == 400
        assert desk.stored() == [
            ("CreateLogGroup", "AccessDeniedException"),
            ("CreateLogGroup", None),
            ("DeleteLogGroup", None),
            ("DescribeLogGroups", None),
        ]
        assert desk.passing() == [
            ("GetLogEvents", None),
            ("PutLogEvents", "ResourceNotFoundException"),
            ("PutLogEvents", None),
        ]

    at_desk(test, rehearse=rehearse)


def test_a_denial_keeps_nothing_else(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        await desk.call("CreateLogGroup", {"logGroupName": "denied"})
        assert (await desk.call("DescribeLogGroups"))[1]["logGroups"][0]["logGroupName"] == ""

    at_desk(test)


def test_a_lost_race_is_run_again_and_one_lost_for_ever_is_a_503(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        desk.store.races = 3
        assert (await desk.call("CreateLogGroup", {"logGroupName": "a"}))[0] == 200
        assert desk.stored() == [("CreateLogGroup", None)]
        desk.store.races = 8
        status, answer, _ = await desk.call("CreateLogGroup", {"logGroupName": "b"})
        assert (status, answer["__type"]) == (503, "ServiceUnavailable")
        desk.store.races = 0
        assert (await desk.call("DescribeLogGroups"))[1]["logGroups"][0]["logGroupName"] == "a"

    at_desk(test)


def test_a_full_disk_refuses_writes_and_answers_reads(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        await desk.call("CreateLogGroup", {"logGroupName": "before"})
        desk.store.full = True
        status, answer, _ = await desk.call("CreateLogGroup", {"logGroupName": "after"})
        assert (status, answer["__type"]) == (500, "InternalFailure")
        assert "disk is full" in answer["message"]
        status, answer, _ = await desk.call("DescribeLogGroups")
        assert (status, answer["logGroups"][0]["logGroupName"]) == (200, "before")
        assert ("DescribeLogGroups", None) in desk.passing()
        # A denial stays a denial.
        assert (await desk.call("CreateLogGroup", {"logGroupName": "denied"}))[1]["__type"] == "AccessDeniedException"
        assert ("CreateLogGroup", "AccessDeniedException") in desk.passing()

    at_desk(test)


def test_what_was_done_is_answered_though_it_cannot_be_recorded(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        answer = desk.dispatch(request("DeleteLogGroup", {"logGroupName": "a"}))
        assert not isinstance(answer, Response)
        desk.store.full = True  # it has committed and waits; its record comes after
        assert (await answer).status == 200
        assert desk.passing() == [("DeleteLogGroup", None)]

    at_desk(test)


@pytest.mark.parametrize("params", [{"logGroupName": "a"}, {"logGroupName": "denied"}])
def test_answers_wait_for_the_sync_refusals_too(at_desk: Any, params: Any) -> None:
    async def test(desk: Desk) -> None:
        desk.store.sync = asyncio.get_running_loop().create_future()
        answer = desk.dispatch(request("CreateLogGroup", params))
        assert not isinstance(answer, Response)
        task = asyncio.ensure_future(answer)
        await asyncio.sleep(0.01)
        assert not task.done()
        desk.store.sync.set_result(None)
        assert (await task).status == (200 if params["logGroupName"] == "a" else 400)

    at_desk(test)


@pytest.mark.parametrize("name", ["CreateLogGroup", "DeleteLogGroup"])
def test_a_sync_that_fails_is_an_aws_error(at_desk: Any, name: str) -> None:
    async def test(desk: Desk) -> None:
        desk.store.sync = asyncio.get_running_loop().create_future()
        desk.store.sync.set_exception(StoreError("the store could not sync: /a/path"))
        status, answer, _ = await desk.call(name, {"logGroupName": "a"})
        assert (status, answer["__type"]) == (500, "InternalFailure")
        assert "/a/path" not in answer["message"]

    at_desk(test)


@pytest.mark.parametrize("name", ["CreateLogGroup", "DeleteLogGroup"])
def test_a_bug_is_told_to_the_log_and_not_to_the_client(
    at_desk: Any, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(desk: Desk) -> None:
        status, answer, response = await desk.call(name, {"logGroupName": "crash"})
        assert (status, answer["__type"]) == (500, "InternalFailure")
        assert b"secret" not in bytes(response.body)  # type: ignore[arg-type]

    with caplog.at_level(logging.ERROR):
        at_desk(test)
    assert "a secret of the house" in caplog.text


def test_a_bug_before_the_call_is_an_aws_error_too(at_desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a secret of the house")

    async def test(desk: Desk) -> None:
        monkeypatch.setattr(desk.house.kernel.registry, "handler", broken)
        status, answer, _ = await desk.call("DescribeLogGroups")
        assert (status, answer["__type"]) == (500, "InternalFailure")

    at_desk(test)


def test_internal_operations_are_unknown_outside(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        status, answer, _ = await desk.call("DescribeExportTasks")
        assert (status, answer["__type"]) == (400, "UnknownOperationException")

    at_desk(test)


def test_callers_without_a_signature(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        for name in ("DescribeLogGroups", "CreateLogGroup", "GetLogEvents"):
            status, answer, _ = await desk.call(name, {"logGroupName": "a"}, sign=None)
            assert (status, answer["__type"]) == (400, "MissingAuthenticationTokenException")
        # One that is for everybody gets nobody's principal.
        answer = (await desk.call("DescribeDestinations", sign=None))[1]
        assert answer["destinations"][0]["destinationName"] == "anonymous"
        answer = (await desk.call("DescribeDestinations"))[1]
        assert answer["destinations"][0]["destinationName"] == "root"

    at_desk(test)


def test_account_and_region_are_the_signatures(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        answer = (await desk.call("DescribeLogGroups", sign="999988887777", region="eu-west-3"))[1]
        assert answer["logGroups"][0]["arn"] == "999988887777/eu-west-3/root"
        for region in ("us east", "x" * 9000, "eu:west"):
            status, answer, _ = await desk.call("DescribeLogGroups", region=region)
            assert (status, answer["__type"]) == (400, "IncompleteSignatureException")
            assert "valid region" in answer["message"]

    at_desk(test)


def test_large_documents_are_parsed_and_checked_elsewhere_with_the_same_answers(at_desk: Any) -> None:
    async def test(desk: Desk) -> None:
        padding = "x" * LARGE
        raw = json.dumps({"logGroupName": "a", "padding": padding}).encode()
        assert (await desk.call("CreateLogGroup", raw=raw))[0] == 200
        raw = json.dumps({"logGroupName": "?", "padding": padding}).encode()
        status, answer, _ = await desk.call("CreateLogGroup", raw=raw)
        assert (status, answer["__type"]) == (400, "InvalidParameterException")
        status, answer, _ = await desk.call("CreateLogGroup", raw=b'{"logGroupName": "a"' + b" " * LARGE)
        assert (status, answer["__type"]) == (400, "SerializationException")

    at_desk(test)


def test_bodies_that_stream(at_desk: Any) -> None:
    async def pieces(*parts: bytes, broken: bool = False) -> Any:
        for part in parts:
            yield part
        if broken:
            raise BodyBroken("the client went away")

    async def test(desk: Desk) -> None:
        raw = b'{"logGroupName": "a"}'
        body: Body = StreamBody(pieces(raw[:5], raw[5:]))
        assert (await desk.call("CreateLogGroup", raw=raw, body=body))[0] == 200
        # Other bytes than were signed.
        body = StreamBody(pieces(b'{"logGroupName": "b"}'))
        assert (await desk.call("CreateLogGroup", raw=raw, body=body))[1]["__type"] == "InvalidSignatureException"
        body = StreamBody(pieces(raw[:5], broken=True))
        assert (await desk.call("CreateLogGroup", raw=raw, body=body))[1]["__type"] == "SerializationException"
        body = StreamBody(pieces(b" " * 600_000, b" " * 600_000))
        status, answer, _ = await desk.call("CreateLogGroup", raw=raw, body=body)
        assert (status, answer["__type"]) == (413, "RequestEntityTooLargeException")
        assert "1000000 bytes" in answer["message"]
        assert (await desk.call("DescribeLogGroups"))[1]["logGroups"][0]["logGroupName"] == "a"

    at_desk(test)
