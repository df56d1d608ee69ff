"""Request bodies: inline, streamed, chunked, expected, unread, broken."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from cumulet.base.messages import BodyBroken, BodyTooLarge, BytesBody, Request, Response

MIB = 1024 * 1024


def post(length: int, more: str = "", path: str = "/") -> bytes:
    return f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n{more}\r\n".encode()


CHUNKED = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EXPECT = "Expect: 100-continue\r\n"
GET = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


async def digest(request: Request) -> Response:
    """What came, by iteration."""
    sha, size = hashlib.sha256(), 0
    async for data in request.body:
        sha.update(data)
        size += len(data)
    kind = "bytes" if isinstance(request.body, BytesBody) else "stream"
    return Response(200, [("X-Kind", kind)], f"{size} {sha.hexdigest()[:16]}".encode())


def expected(data: bytes) -> bytes:
    return f"{len(data)} {hashlib.sha256(data).hexdigest()[:16]}".encode()


@pytest.mark.parametrize("size", [0, 1, 1000, MIB - 1, MIB, MIB + 1, 5 * MIB])
async def test_bodies_of_all_sizes_and_what_follows_them(size: int, serving: Any, connect: Any) -> None:
    data = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    async with serving(digest) as server, connect(server) as client:
        sending = asyncio.create_task(client.send(post(size) + data + GET))
        reply = await client.reply()
        assert reply.body == expected(data)
        assert reply.headers["x-kind"] == ("bytes" if size <= MIB else "stream")
        assert (await client.reply()).body == expected(b"")
        await sending


async def test_small_bodies_are_whole_when_the_handler_is_called(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        assert type(request.body) is BytesBody
        return Response(200, [], request.body.data)

    async with serving(handler) as server, connect(server) as client:
        await client.send(post(6) + b"abc")
        await asyncio.sleep(0.01)
        assert (await client.ask(b"def" + GET)).body == b"abcdef"
        assert (await client.reply()).status == 200


@pytest.mark.parametrize("path", ["/iterate", "/read"])
async def test_expect_100_continue_is_answered_at_the_first_read(path: str, serving: Any, connect: Any) -> None:
    reading = asyncio.Event()

    async def handler(request: Request) -> Response:
        await reading.wait()
        return await digest(request) if path == "/iterate" else Response(200, [], await request.body.read())

    async with serving(handler) as server, connect(server) as client:
        await client.send(post(4, EXPECT, path))
        waiting = asyncio.create_task(client.reply())
        await asyncio.sleep(0.02)
        assert not waiting.done()
        reading.set()
        assert (await waiting).status == 100
        assert (await client.ask(b"data")).body == (expected(b"data") if path == "/iterate" else b"data")
        assert (await client.ask(post(0, EXPECT))).status == 200


async def test_no_continue_for_a_client_that_does_not_wait(serving: Any, connect: Any) -> None:
    async with serving(digest) as server, connect(server) as client:
        assert (await client.ask(post(4, EXPECT) + b"data")).body == expected(b"data")


async def test_a_refusal_without_reading_ends_an_expecting_connection(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        return Response(403, [], b"no")

    async with serving(handler) as server, connect(server) as client:
        reply = await client.ask(post(4, EXPECT))
        assert (reply.status, reply.headers["connection"]) == (403, "close")
        assert await client.ended()


async def test_a_short_unread_rest_is_read_away(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        return Response(403, [], b"no")

    async with serving(handler, inline=1000, drain=100_000) as server, connect(server) as client:
        reply = await client.ask(post(50_000) + b"x" * 10)
        assert (reply.status, "connection" in reply.headers) == (403, False)
        await client.send(b"x" * 49_990 + GET)
        assert (await client.reply()).status == 403


async def test_a_long_unread_rest_costs_the_connection_but_not_the_response(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        return Response(403, [], b"no")

    async with serving(handler) as server, connect(server) as client:
        # Sends all of it before it reads, as many clients do.
        await client.send(post(20 * MIB) + bytes(20 * MIB))
        reply = await client.reply()
        assert (reply.status, reply.headers["connection"]) == (403, "close")
        assert await client.ended()


async def test_an_endless_sender_is_cut(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        return Response(403, [], b"no")

    async with serving(handler, linger=4 * MIB) as server, connect(server) as client:
        with pytest.raises(ConnectionError):
            await client.send(post(200 * MIB))
            for _ in range(200):
                await client.send(bytes(MIB))
                await asyncio.sleep(0)


async def test_chunked(serving: Any, connect: Any) -> None:
    async with serving(digest) as server, connect(server) as client:
        body = b"4\r\nWiki\r\n6;name=value\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n"
        data = b"Wikipedia in \r\n\r\nchunks."
        for end in (b"\r\n", b"Trailer: 1\r\nOther: 2\r\n\r\n"):
            reply = await client.ask(CHUNKED + body + end + GET)
            assert reply.body == expected(data)
            assert (await client.reply()).body == expected(b"")


@pytest.mark.parametrize(
    "body",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n",
        b"1\na\n0\n\n",
        b"1\r\nab\r\n",
        b" 1\r\na\r\n",
        b"1 \r\na\r\n",
        b"\r\n",
        b"fffffffffffffffff\r\n",
        b"1;" + b"x" * 2000,
        b"0\r\nA: " + b"b" * 20_000,
    ],
)
async def test_wrong_chunks_break_the_body(body: bytes, serving: Any, connect: Any) -> None:
    async with serving(digest) as server, connect(server) as client:
        reply = await client.ask(CHUNKED + body)
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert await client.ended()


async def test_memory_is_bounded_while_nobody_reads(serving: Any, connect: Any) -> None:
    reading = asyncio.Event()
    size = 64 * MIB

    async def handler(request: Request) -> Response:
        await reading.wait()
        return await digest(request)

    async with serving(handler) as server, connect(server) as client:
        await client.send(post(size))
        sent = 0

        async def send() -> None:
            nonlocal sent
            while sent < size:
                await client.send(bytes(MIB))
                sent += MIB

        sending = asyncio.create_task(send())
        seen = -1
        while seen != sent:
            seen = sent
            await asyncio.sleep(0.1)
        assert sent < size / 2
        reading.set()
        assert (await client.reply()).body == expected(bytes(size))
        await sending


async def test_read_keeps_its_limit(serving: Any, connect: Any) -> None:
    async def handler(request: Request) -> Response:
        try:
            await request.body.read(1000)
        except BodyTooLarge:
            return Response(413, [])
        return Response(200, [])

    async with serving(handler, inline=10) as server:
        async with connect(server) as client:
            assert (await client.ask(post(1001, EXPECT))).status == 413
        async with connect(server) as client:
            assert (await client.ask(CHUNKED + b"3e9\r\n" + bytes(1001) + b"\r\n")).status == 413
        async with connect(server) as client:
            assert (await client.ask(post(1000) + bytes(1000))).status == 200


@pytest.mark.parametrize("head", [post(10 * MIB), CHUNKED + b"a00000\r\n"])
async def test_a_client_that_leaves_wakes_the_reader(head: bytes, serving: Any, connect: Any) -> None:
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handler(request: Request) -> Response:
        size = 0
        try:
            async for data in request.body:
                size += len(data)
        except BodyBroken as error:
            outcome.set_result(f"{size} {error}")
            raise
        raise AssertionError

    async with serving(handler) as server:
        async with connect(server) as client:
            await client.send(head + bytes(1000))
            await asyncio.sleep(0.01)
        assert (await asyncio.wait_for(outcome, 2)).startswith("1000 the client")


async def test_a_client_that_leaves_during_a_small_body_is_forgotten(serving: Any, connect: Any, gone: Any) -> None:
    def handler(request: Request) -> Response:
        raise AssertionError("not to be called")

    async with serving(handler) as server:
        async with connect(server) as client:
            await client.send(post(100) + b"half")
        await gone(server)


async def test_a_body_has_one_reader(serving: Any, connect: Any) -> None:
    async def handler(request: Request) -> Response:
        first = asyncio.ensure_future(anext(aiter(request.body)))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await anext(aiter(request.body))
        return Response(200, [], await first + await request.body.read())

    async with serving(handler) as server, connect(server) as client:
        assert (await client.ask(post(6, EXPECT))).status == 100
        assert (await client.ask(b"abcdef")).body == b"abcdef"


async def test_a_body_can_be_echoed_while_it_arrives(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        return Response(200, [], request.body)

    data = bytes(range(256)) * 32 * 1024
    async with serving(handler) as server, connect(server) as client:
        sending = asyncio.create_task(client.send(post(len(data)) + data + GET))
        assert (await client.reply()).body == data
        assert (await client.reply()).status == 200
        await sending


async def test_a_client_that_leaves_while_its_rest_is_read_away(serving: Any, connect: Any, gone: Any) -> None:
    async with serving(lambda request: Response(403, []), inline=10) as server, connect(server) as client:
        assert (await client.ask(post(1000) + b"x")).status == 403
        client.writer.write_eof()
        await asyncio.wait_for(gone(server), 2)
