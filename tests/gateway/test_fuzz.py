"""However a stream of requests is cut into segments, the handler sees the same requests and the client the same answers."""

from __future__ import annotations

import asyncio
import itertools
import re
from typing import Any

import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.base.messages import BytesBody, Request, Response
from cumulet.gateway.server import Limits, serve

PIECES = [
    b"GET /a%2Fb//c HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n",
    b"\r\nHEAD /h HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /small HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nGET / HTTP/1",
    b"PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: 64\r\n\r\n"
    + b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n" * 2
    + b"x" * 18,
    b"PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nab\r\nc\r\n1\r\n\n\r\n0\r\nT: 1\r\n\r\n",
    b"PUT /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n"
    + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\nxxxxxx"[:40],
    b"POST /expect HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
]
LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Recorder:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str | None, bytes]] = []

    def __call__(self, request: Request) -> Any:
        if request.path == "/unread":
            self.note(request, b"")
            return Response(200, [], b"unread")
        if isinstance(request.body, BytesBody):
            return self.note(request, request.body.data)
        return self.later(request)

    async def later(self, request: Request) -> Response:
        return self.note(request, await request.body.read())

    def note(self, request: Request, body: bytes) -> Response:
        self.seen.append((request.method, request.target, request.headers.get("x"), body))
        return Response(200, [], request.target.encode() + body)


async def play(data: bytes, cuts: list[int]) -> tuple[Any, bytes]:
    recorder = Recorder()
    server = await serve(recorder, host="127.0.0.1", port=0, limits=Limits(inline=32))
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            answer = asyncio.create_task(reader.read())
            edges = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
            for start, end in itertools.pairwise(edges):
                writer.write(data[start:end])
                # Two turns: one to send, one for the server (of the same loop) to read.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            got = await answer
            writer.close()
    finally:
        await server.close()
    # A client whose body is there already gets no 100, one whose body is late does: both are right.
    got = got.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    return recorder.seen, re.sub(rb"Date: [^\r]*", b"", got)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.lists(st.integers(0, 2000), min_size=1, max_size=40)
)
def test_segmentation_changes_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces) + LAST
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        whole = runner.run(play(data, []))
        assert whole[0][-1][1] == "/last"
        assert len(whole[0]) == len(pieces) + 1
        assert runner.run(play(data, cuts)) == whole


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), max_size=3),
    st.integers(0, 600),
    st.integers(0, 255),
    st.lists(st.integers(0, 2000), max_size=5),
)
def test_a_damaged_byte_never_wedges_the_server(pieces: list[bytes], place: int, value: int, cuts: list[int]) -> None:
    data = bytearray(b"".join(pieces) + LAST)
    data[place % len(data)] = value

    async def attack() -> None:
        server = await serve(
            Recorder(), host="127.0.0.1", port=0, limits=Limits(inline=32, head_time=0.2, body_time=0.2, idle_time=0.2)
        )
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            edges = [0, *sorted({cut % len(data) for cut in cuts}), len(data)]
            for start, end in itertools.pairwise(edges):
                writer.write(bytes(data[start:end]))
                await asyncio.sleep(0)
            writer.write_eof()
            async with asyncio.timeout(3):
                answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 ") or not answer
            assert b" 500 " not in answer
            writer.close()
        finally:
            await server.close(0.5)
            assert not server.connections

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(attack())
