"""The Runtime API as any runtime may speak it: one connection or many, with lengths or in chunks, well or badly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import pytest
import uvloop

from cumulet.run.functions.runtime_api import RESPONSE_LIMIT, RuntimeApi

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
ACCEPTED = b'{"status":"OK"}\n'


class Recorder:
    """Writes down what a worker says."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes, str]] = []

    def _note(self, what: str, body: bytes, headers: Mapping[str, str]) -> None:
        self.said.append((what, body, headers.get("lambda-runtime-function-error-type", "")))

    def on_next(self, headers: Mapping[str, str]) -> None:
        self._note("next", b"", headers)

    def on_response(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._note("response", body, headers)

    def on_error(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._note("error", body, headers)

    def on_too_large(self, headers: Mapping[str, str]) -> None:
        self._note("too large", b"", headers)

    def on_init_error(self, body: bytes, headers: Mapping[str, str]) -> None:
        self._note("init error", body, headers)

    def on_hang_up(self) -> None:
        self._note("hang up", b"", {})


class Client:
    """A connection of a runtime."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def receive(self) -> tuple[int, dict[str, str], bytes]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:] if line}
        return int(lines[0].split(" ")[1]), headers, await self.reader.readexactly(int(headers["content-length"]))

    async def post(self, path: str, body: bytes = b"", headers: str = "") -> tuple[int, dict[str, str], bytes]:
        head = f"POST /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        return await self.receive()


def serve(test: Callable[[RuntimeApi, Recorder, Callable[[], Awaitable[Client]]], Awaitable[None]]) -> None:
    async def main() -> None:
        recorder = Recorder()
        api = RuntimeApi(recorder)
        host, _, port = (await api.listen()).partition(":")
        clients: list[Client] = []

        async def connect() -> Client:
            clients.append(Client(*await asyncio.open_connection(host, int(port))))
            return clients[-1]

        try:
            await asyncio.wait_for(test(api, recorder, connect), 10)
        finally:
            api.close()
            for client in clients:
                client.writer.close()

    uvloop.run(main())


async def _waiting(api: RuntimeApi) -> None:
    while api.waiting is None:  # noqa: ASYNC110 - nothing tells, by design
        await asyncio.sleep(0.001)


def test_an_invocation_over_one_connection() -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        for number in range(3):
            client.writer.write(NEXT)
            await _waiting(api)
            api.deliver(f"id-{number}", "Lambda-Runtime-Deadline-Ms: 5\r\n", b'{"a":1}')
            status, headers, body = await client.receive()
            assert (status, body) == (200, b'{"a":1}')
            assert headers["lambda-runtime-aws-request-id"] == f"id-{number}"
            assert headers["lambda-runtime-deadline-ms"] == "5"
            assert (await client.post(f"invocation/id-{number}/response", b"[]"))[::2] == (202, ACCEPTED)
        assert recorder.said == [("next", b"", ""), ("response", b"[]", "")] * 3

    serve(test)


def test_a_runtime_that_opens_a_connection_per_request() -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        first = await connect()
        first.writer.write(NEXT)
        await _waiting(api)
        api.deliver("id", "", b"1")
        await first.receive()
        first.writer.close()
        second = await connect()
        error = "Lambda-Runtime-Function-Error-Type: Custom.Bad\r\n"
        assert (await second.post("invocation/id/error", b"{}", error))[0] == 202
        assert recorder.said == [("next", b"", ""), ("error", b"{}", "Custom.Bad")]

    serve(test)


def test_chunks_and_pieces() -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        client.writer.write(NEXT)
        await _waiting(api)
        api.deliver("id", "", b"1")
        await client.receive()
        request = (
            b"POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        )
        for at in range(len(request)):
            client.writer.write(request[at : at + 1])
            await client.writer.drain()
            if at % 10 == 0:
                await asyncio.sleep(0)
        assert (await client.receive())[0] == 202
        assert recorder.said[-1] == ("response", b"abc0123456789", "")

    serve(test)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_response_over_the_limit_is_refused_and_the_connection_goes_on(chunked: bool) -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        client.writer.write(NEXT)
        await _waiting(api)
        api.deliver("id", "", b"1")
        await client.receive()
        size = RESPONSE_LIMIT + 1
        head = b"POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\n"
        if chunked:
            half = size // 2 + 1
            client.writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(2):
                client.writer.write(b"%x\r\n%b\r\n" % (half, b"x" * half))
            client.writer.write(b"0\r\n\r\n")
        else:
            client.writer.write(head + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        status, _, body = await client.receive()
        assert status == 413
        assert b"Exceeded maximum allowed payload size (6291556 bytes)." in body
        assert recorder.said[-1][0] == "too large"
        client.writer.write(NEXT)
        await _waiting(api)

    serve(test)


def test_an_answer_to_another_request_is_refused() -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        assert (await client.post("invocation/other/response", b"1"))[0] == 400
        client.writer.write(NEXT)
        await _waiting(api)
        api.deliver("id", "", b"1")
        await client.receive()
        assert (await client.post("invocation/other/response", b"1"))[0] == 400
        assert (await client.post("invocation/id/response", b"1"))[0] == 202
        assert (await client.post("invocation/id/response", b"1"))[0] == 400
        assert [what for what, *_ in recorder.said] == ["next", "response"]

    serve(test)


def test_init_errors_and_unknown_paths() -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        client = await connect()
        assert (await client.post("init/error", b"{}"))[0] == 202
        assert (await client.post("elsewhere"))[0] == 404
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await client.receive())[0] == 404
        assert recorder.said == [("init error", b"{}", "")]

    serve(test)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"x" * 70_000,
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
    ],
)
def test_garbage_ends_the_connection_only(garbage: bytes) -> None:
    async def test(api: RuntimeApi, recorder: Recorder, connect: Callable[[], Awaitable[Client]]) -> None:
        bad = await connect()
        bad.writer.write(garbage)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await bad.receive()
        good = await connect()
        good.writer.write(NEXT)
        await _waiting(api)

    serve(test)
