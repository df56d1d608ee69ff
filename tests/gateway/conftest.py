"""Async tests of this folder run on uvloop, and fail where they leave a task, a file or a connection behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest
import uvloop

from cumulet.gateway.server import Handler, Limits, Server, serve

Serving: TypeAlias = Callable[..., AbstractAsyncContextManager[Server]]

TIME = 20.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.sleep(0))  # uvloop's first loop opens files that stay.
    before = _files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_bounded(pyfuncitem.obj(**arguments)))
    if _files() > before:
        gc.collect()
    assert _files() <= before, "the test left files open"
    return True


async def _bounded(test: Any) -> None:
    async with asyncio.timeout(TIME):
        await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"the test left tasks: {left}"


def _files() -> int:
    return len(os.listdir("/dev/fd"))


@pytest.fixture
def serving() -> Serving:
    """`async with serving(handler, **limits) as server`: a server on a free port; afterwards nothing of it may be left."""

    @contextlib.asynccontextmanager
    async def manager(handler: Handler, *, grace: float = 5.0, **limits: Any) -> AsyncIterator[Server]:
        server = await serve(handler, host="127.0.0.1", port=0, limits=Limits(**limits))
        try:
            yield server
        finally:
            await server.close(grace)
            assert not server.connections

    return manager


@pytest.fixture
def gone() -> Callable[[Server], Awaitable[None]]:
    """`await gone(server)`: until the server has no connection."""

    async def wait(server: Server) -> None:
        while server.connections:  # noqa: ASYNC110  a set has no event
            await asyncio.sleep(0.005)

    return wait


class Reply:
    """A response as a client sees it."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self) -> str:
        return f"Reply({self.status}, {self.headers}, {self.body[:200]!r})"


class Client:
    """A connection whose bytes the test decides on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """The next response's head."""
        data = await self.reader.readuntil(b"\r\n\r\n")
        line, *rest = data[:-4].decode("latin-1").split("\r\n")
        headers = {}
        for header in rest:
            name, _, value = header.partition(": ")
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        assert line.startswith("HTTP/1.1 ")
        return Reply(int(line.split(" ")[1]), headers, b"")

    async def reply(self, method: str = "GET") -> Reply:
        """The next response, whole."""
        reply = await self.head()
        headers = reply.headers
        if method == "HEAD" or reply.status in (100, 204, 304):
            return reply
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                reply.body += await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            assert await self.reader.readexactly(2) == b"\r\n"
        elif "content-length" in headers:
            reply.body = await self.reader.readexactly(int(headers["content-length"]))
        else:
            reply.body = await self.reader.read()
        return reply

    async def ask(self, data: bytes, method: str = "GET") -> Reply:
        await self.send(data)
        return await self.reply(method)

    async def ended(self) -> bool:
        """Whether the server has closed the connection (waits for it) without sending more."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


Connect: TypeAlias = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def connect() -> Connect:
    """`async with connect(server) as client`."""

    @contextlib.asynccontextmanager
    async def manager(server: Server, host: str = "127.0.0.1", limit: int = 2**16) -> AsyncIterator[Client]:
        client = Client(*await asyncio.open_connection(host, server.port, limit=limit))
        try:
            yield client
        finally:
            await client.close()

    return manager
