"""Streamed responses: framing, pace, and every way to break off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from cumulet.base.messages import BytesBody, Request, Response, StreamBody

MIB = 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\n\r\n"


class Source:
    """A stream that counts what is taken from it and knows when it is closed."""

    def __init__(self, *chunks: bytes, repeat: int = 1, error: bool = False, hang: bool = False) -> None:
        self.chunks = chunks * repeat
        self.error = error
        self.hang = hang
        self.taken = 0
        self.closed = asyncio.Event()

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            for chunk in self.chunks:
                self.taken += 1
                yield chunk
            if self.hang:
                await asyncio.Event().wait()
            if self.error:
                raise ValueError("secret")
        finally:
            self.closed.set()

    def response(self, length: int | None = None, headers: list[tuple[str, str]] | None = None) -> Response:
        return Response(200, headers or [], StreamBody(self.stream(), length))


async def test_known_lengths_are_said_and_unknown_ones_chunked(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        source = Source(b"ab", b"", b"c" * 100_000)
        return source.response(100_002 if request.path == "/known" else None)

    async with serving(handler) as server:
        async with connect(server) as client:
            known = await client.ask(GET.replace(b"/ ", b"/known "))
            assert known.headers["content-length"] == "100002"
            assert "transfer-encoding" not in known.headers
            unknown = await client.ask(GET)
            assert "content-length" not in unknown.headers
            assert known.body == unknown.body == b"ab" + b"c" * 100_000
        async with connect(server) as client:
            old = await client.ask(OLD)
            assert not {"content-length", "transfer-encoding"} & set(old.headers)
            assert old.body == known.body


async def test_an_own_content_length_frames_a_stream(serving: Any, connect: Any) -> None:
    async with (
        serving(lambda request: Source(b"abc").response(None, [("content-length", "3")])) as server,
        connect(server) as client,
    ):
        for _ in range(2):
            reply = await client.ask(GET)
            assert (reply.headers["content-length"], reply.body) == ("3", b"abc")


async def test_head_takes_nothing_from_the_stream_and_closes_it(serving: Any, connect: Any) -> None:
    source = Source(b"abc")
    async with serving(lambda request: source.response(3)) as server, connect(server) as client:
        reply = await client.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        assert (reply.status, reply.headers["content-length"], source.taken) == (200, "3", 0)


async def test_large_responses(serving: Any, connect: Any) -> None:
    data = bytes(range(256)) * 64 * 1024

    def handler(request: Request) -> Response:
        if request.path == "/bytes":
            return Response(200, [], data)
        if request.path == "/body":
            return Response(200, [], BytesBody(data))
        return Source(data[:MIB], repeat=16).response(16 * MIB)

    async with serving(handler) as server, connect(server) as client:
        for path in (b"/bytes ", b"/body ", b"/ "):
            assert (await client.ask(GET.replace(b"/ ", path, 1))).body == data


async def test_the_stream_goes_at_the_clients_pace(serving: Any, connect: Any) -> None:
    source = Source(bytes(MIB), repeat=100)
    async with serving(lambda request: source.response(100 * MIB)) as server, connect(server) as client:
        await client.send(GET)
        await client.head()
        seen = -1
        while seen != source.taken:
            seen = source.taken
            await asyncio.sleep(0.05)
        assert source.taken < 30
        assert len(await client.reader.readexactly(100 * MIB)) == 100 * MIB


@pytest.mark.parametrize("length", [None, 10])
@pytest.mark.parametrize("request_", [GET, OLD])
async def test_a_stream_that_breaks_is_never_taken_for_whole(
    length: int | None, request_: bytes, serving: Any, connect: Any, caplog: Any
) -> None:
    caplog.set_level(logging.CRITICAL, "cumulet.gateway")
    source = Source(b"ab", error=True)
    async with serving(lambda request: source.response(length)) as server, connect(server) as client:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.ask(request_)
        assert source.closed.is_set()


@pytest.mark.parametrize("length", [3, 5])
async def test_a_stream_of_the_wrong_length_ends_the_connection(
    length: int, serving: Any, connect: Any, caplog: Any
) -> None:
    caplog.set_level(logging.CRITICAL, "cumulet.gateway")
    source = Source(b"ab", b"cd", b"", hang=length == 3)
    async with serving(lambda request: source.response(length)) as server, connect(server) as client:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.ask(GET)
            await client.head()
        await asyncio.wait_for(source.closed.wait(), 2)


async def test_a_stream_that_fails_at_once_is_a_500(serving: Any, connect: Any, caplog: Any) -> None:
    caplog.set_level(logging.CRITICAL, "cumulet.gateway")
    async with serving(lambda request: Source(error=True).response(5)) as server, connect(server) as client:
        for _ in range(2):
            reply = await client.ask(GET)
            assert (reply.status, reply.body) == (500, b"Internal Server Error\n")


@pytest.mark.parametrize("hang", [True, False])
async def test_a_client_that_leaves_closes_the_stream(hang: bool, serving: Any, connect: Any) -> None:
    source = Source(b"x" * 100_000, repeat=1 if hang else 5000, hang=hang)
    async with serving(lambda request: source.response(None)) as server:
        async with connect(server) as client:
            await client.send(GET)
            await client.head()
        # A reset is seen at once; a plain end only by silence, as the client might still be reading.
        await asyncio.wait_for(source.closed.wait(), 8)


async def test_a_client_that_leaves_before_the_response_lets_the_handler_finish(serving: Any, connect: Any) -> None:
    started, gate, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()
    source = Source(b"x")

    async def handler(request: Request) -> Response:
        started.set()
        await gate.wait()
        finished.set()
        return source.response(1)

    async with serving(handler):
        pass
    async with serving(handler) as server:
        async with connect(server) as client:
            await client.send(GET)
            await started.wait()
            client.writer.transport.abort()
        gate.set()
        await asyncio.wait_for(finished.wait(), 2)


async def test_a_slow_stream_of_unknown_length_sends_its_head_first(serving: Any, connect: Any) -> None:
    gate = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        await gate.wait()
        yield b"late"

    async with serving(lambda request: Response(200, [], StreamBody(stream()))) as server, connect(server) as client:
        await client.send(GET)
        assert (await client.head()).status == 200
        gate.set()
        assert await client.reader.readuntil(b"0\r\n\r\n") == b"4\r\nlate\r\n0\r\n\r\n"


async def test_closing_the_server_cuts_an_endless_stream(serving: Any, connect: Any) -> None:
    source = Source(b"x", hang=True)
    async with serving(lambda request: source.response(None)) as server, connect(server) as client:
        await client.send(GET)
        await client.head()
        await asyncio.wait_for(server.close(0.05), 2)
        assert source.closed.is_set()


@pytest.mark.parametrize("wrong", [None, "text", Response(200, [], "text"), Response(200, [(1, 2)], b"")])  # type: ignore[arg-type, list-item]
async def test_a_handler_that_answers_nonsense_leaves_nothing_behind(
    wrong: Any, serving: Any, connect: Any, gone: Any, caplog: Any
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def late(request: Request) -> Any:
        return wrong

    for handler in (late, lambda request: wrong):
        async with serving(handler) as server, connect(server) as client:
            try:
                assert (await client.ask(GET)).status == 500
            except (asyncio.IncompleteReadError, ConnectionError):
                await gone(server)
