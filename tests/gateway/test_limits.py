"""Clients that take their time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from cumulet.base.messages import BodyBroken, Request, Response

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
MIB = 1024 * 1024


def hello(request: Request) -> Response:
    return Response(200, [], b"hello")


async def test_a_slow_head_is_ended_with_408(serving: Any, connect: Any) -> None:
    async with serving(hello, head_time=0.2) as server, connect(server) as client:

        async def drip() -> None:
            with contextlib.suppress(ConnectionError):
                for byte in GET * 10:
                    await client.send(bytes([byte]).replace(b"\n", b"x"))
                    await asyncio.sleep(0.03)

        dripping = asyncio.create_task(drip())
        assert (await asyncio.wait_for(client.reply(), 2)).status == 408
        assert await client.ended()
        dripping.cancel()
        await asyncio.wait([dripping])


async def test_a_silent_connection_is_closed(serving: Any, connect: Any) -> None:
    async with serving(hello, head_time=0.1) as server, connect(server) as client:
        assert await asyncio.wait_for(client.ended(), 2)


async def test_an_idle_connection_is_closed_without_a_word(serving: Any, connect: Any) -> None:
    async with serving(hello, idle_time=0.2) as server, connect(server) as client:
        assert (await client.ask(GET)).status == 200
        assert await asyncio.wait_for(client.ended(), 2)


async def test_a_busy_connection_is_not_idle(serving: Any, connect: Any) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(0.5)
        return hello(request)

    async with serving(handler, idle_time=0.1, head_time=0.1, body_time=0.1) as server, connect(server) as client:
        assert (await client.ask(GET)).body == b"hello"


async def test_a_small_body_that_stalls_is_ended_with_408(serving: Any, connect: Any) -> None:
    async with serving(hello, body_time=0.2) as server, connect(server) as client:
        reply = await asyncio.wait_for(client.ask(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"), 2)
        assert reply.status == 408
        assert await client.ended()


async def test_a_streamed_body_that_stalls_is_broken(serving: Any, connect: Any) -> None:
    broken = asyncio.Event()

    async def handler(request: Request) -> Response:
        try:
            await request.body.read()
        except BodyBroken:
            broken.set()
            raise
        raise AssertionError

    async with serving(handler, body_time=0.2) as server, connect(server) as client:
        reply = await asyncio.wait_for(
            client.ask(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\nhalf"), 2
        )
        assert broken.is_set()
        assert reply.status == 400
        assert await client.ended()


async def test_a_slow_handler_is_not_the_clients_fault(serving: Any, connect: Any) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(0.5)
        return Response(200, [], await request.body.read())

    async with serving(handler, body_time=0.2) as server, connect(server) as client:
        await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert (await client.reply()).status == 100
        assert (await client.ask(b"data")).body == b"data"


async def test_a_client_that_takes_nothing_is_cut(serving: Any, connect: Any, gone: Any) -> None:
    body = bytes(32 * MIB)
    async with serving(lambda request: Response(200, [], body), write_time=0.3) as server, connect(server) as client:
        await client.send(GET)
        client.reader._transport.pause_reading()
        await gone(server)


async def test_a_slow_reader_that_takes_something_is_served(serving: Any, connect: Any) -> None:
    body = bytes(16 * MIB)
    async with (
        serving(lambda request: Response(200, [], body), write_time=0.5, idle_time=0.2) as server,
        connect(server) as client,
    ):
        await client.send(GET)
        await client.head()
        taken = 0
        while taken < len(body):
            taken += len(await client.reader.readexactly(2 * MIB))
            await asyncio.sleep(0.15)


async def test_what_is_read_away_has_its_time_too(serving: Any, connect: Any, gone: Any) -> None:
    async with serving(hello, linger_time=0.2) as server, connect(server) as client:
        reply = await client.ask(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        assert reply.headers["connection"] == "close"
        await gone(server)
