"""The server as a whole: connections, order, both loopbacks, TLS beside HTTP, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cumulet.base.messages import BytesBody, Request, Response
from cumulet.gateway.server import CannotListen, serve


def echo(request: Request) -> Response:
    body = request.body
    assert isinstance(body, BytesBody)
    return Response(200, [("X-Method", request.method)], f"{request.target} ".encode() + body.data)


def get(target: str, more: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: a\r\n{more}\r\n".encode()


async def test_a_connection_serves_many_requests(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client:
        for n in range(3):
            assert (await client.ask(get(f"/{n}"))).body == f"/{n} ".encode()
        reply = await client.ask(b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        assert reply.body == b"/p hello"
        assert reply.headers["x-method"] == "POST"
        assert len(server.connections) == 1


async def test_connection_close_is_honoured(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client:
        reply = await client.ask(get("/", "Connection: close\r\n"))
        assert reply.headers["connection"] == "close"
        assert await client.ended()


async def test_http_1_0(serving: Any, connect: Any) -> None:
    async with serving(echo) as server:
        async with connect(server) as client:
            assert (await client.ask(b"GET /old HTTP/1.0\r\n\r\n")).body == b"/old "
            assert await client.ended()
        async with connect(server) as client:
            for _ in range(2):
                reply = await client.ask(b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                assert reply.headers["connection"] == "keep-alive"


async def test_head_has_the_length_and_no_body(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        if request.path == "/own":
            return Response(200, [("Content-Length", "12345")])
        if request.path == "/none":
            return Response(204, [], b"")
        if request.path == "/same":
            return Response(304, [("ETag", "x")], b"")
        return Response(200, [], b"four")

    async with serving(handler) as server, connect(server) as client:
        head = "HEAD {} HTTP/1.1\r\nHost: a\r\n\r\n"
        assert (await client.ask(head.format("/own").encode(), "HEAD")).headers["content-length"] == "12345"
        assert (await client.ask(head.format("/").encode(), "HEAD")).headers["content-length"] == "4"
        assert "content-length" not in (await client.ask(get("/none"))).headers
        assert (await client.ask(get("/same"))).status == 304
        # GET /own: what the handler says of a body that it does not give is not believed.
        assert (await client.ask(get("/own"))).headers["content-length"] == "0"
        assert (await client.ask(get("/"))).body == b"four"


async def test_pipelined_requests_are_answered_in_order(serving: Any, connect: Any) -> None:
    gates = {"/2": asyncio.Event(), "/4": asyncio.Event()}
    started: list[str] = []

    async def late(request: Request) -> Response:
        await gates[request.path].wait()
        return Response(200, [], request.path.encode())

    def handler(request: Request) -> Any:
        started.append(request.path)
        return late(request) if request.path in gates else Response(200, [], request.path.encode())

    async with serving(handler) as server, connect(server) as client:
        await client.send(b"".join(get(f"/{n}") for n in range(6)))
        assert [(await client.reply()).body for _ in range(2)] == [b"/0", b"/1"]
        assert started == ["/0", "/1", "/2"]
        gates["/2"].set()
        gates["/4"].set()
        assert [(await client.reply()).body for _ in range(4)] == [b"/2", b"/3", b"/4", b"/5"]


async def test_hundreds_of_pipelined_requests(serving: Any, connect: Any) -> None:
    count = 3000

    async def later(request: Request) -> Response:
        return echo(request)

    def handler(request: Request) -> Any:
        return later(request) if request.path.endswith("7") else echo(request)

    async with serving(handler) as server, connect(server) as client:
        sending = asyncio.create_task(client.send(b"".join(get(f"/{n}") for n in range(count))))
        for n in range(count):
            assert (await client.reply()).body == f"/{n} ".encode()
        await sending


async def test_a_pipeliner_that_reads_nothing_is_held_back(serving: Any, connect: Any) -> None:
    body = b"x" * 200_000
    answered = 0

    def handler(request: Request) -> Response:
        nonlocal answered
        answered += 1
        return Response(200, [], body)

    async with serving(handler) as server, connect(server) as client:
        client.reader._transport.pause_reading()
        await client.send(get("/") * 500)
        seen = -1
        while seen != answered:
            seen = answered
            await asyncio.sleep(0.05)
        assert answered < 200
        client.reader._transport.resume_reading()
        for _ in range(500):
            assert (await client.reply()).body == body


async def test_leading_empty_lines_are_skipped(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client:
        assert (await client.ask(b"\r\n\r\n" + get("/a") + b"\r\n")).body == b"/a "
        assert (await client.ask(b"\r\n" + get("/b") + b"\r")).body == b"/b "
        assert (await client.ask(b"\n" + get("/c"))).body == b"/c "


async def test_an_offer_to_upgrade_is_ignored(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client:
        upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
        assert (await client.ask(get("/a", upgrade) + get("/b"))).body == b"/a "
        assert (await client.reply()).body == b"/b "


async def test_a_failing_handler_gives_a_plain_500(serving: Any, connect: Any, caplog: Any) -> None:
    async def late(request: Request) -> Response:
        raise ValueError("secret")

    def handler(request: Request) -> Any:
        if request.path == "/late":
            return late(request)
        if request.path == "/now":
            raise ValueError("secret")
        return echo(request)

    async with serving(handler) as server, connect(server) as client:
        with caplog.at_level(logging.CRITICAL, "cumulet.gateway"):
            for path in ("/now", "/late"):
                reply = await client.ask(get(path))
                assert (reply.status, reply.body) == (500, b"Internal Server Error\n")
        assert (await client.ask(get("/fine"))).status == 200


async def test_a_client_may_shut_its_sending_side(serving: Any, connect: Any) -> None:
    async def late(request: Request) -> Response:
        await asyncio.sleep(0.01)
        return echo(request)

    async with serving(late) as server, connect(server) as client:
        await client.send(get("/1") + get("/2"))
        client.writer.write_eof()
        assert (await client.reply()).body == b"/1 "
        assert (await client.reply()).body == b"/2 "
        assert await client.ended()


async def test_both_loopbacks_have_one_port(serving: Any, connect: Any) -> None:
    async with serving(echo) as server:
        assert {s.getsockname()[1] for s in server.sockets} == {server.port}
        for host in ("127.0.0.1", "::1"):
            async with connect(server, host) as client:
                assert (await client.ask(get("/x"))).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_in_use_is_said_clearly(host: str) -> None:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            await serve(echo, host="127.0.0.1", port=port)
    assert str(port) in str(caught.value)
    assert "in use" in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_port_can_be_taken_again_at_once(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client:
        await client.ask(get("/"))
        port = server.port
        await server.close()
        second = await serve(echo, host="127.0.0.1", port=port)
        await second.close()


async def test_tls_is_refused_as_tls_clients_understand(serving: Any) -> None:
    async with serving(echo) as server:
        context = ssl.create_default_context()
        with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
            await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname="localhost")


async def test_tls_and_http_share_the_port(tmp_path: Path, connect: Any) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    openssl = await asyncio.create_subprocess_exec(*command.split(), *files, stderr=subprocess.DEVNULL)
    assert await openssl.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def handler(request: Request) -> Response:
        return Response(200, [], b"secure" if request.secure else b"plain")

    server = await serve(handler, host="127.0.0.1", port=0, tls=context)
    try:
        async with connect(server) as client:
            assert (await client.ask(get("/"))).body == b"plain"
        for _ in range(2):
            curl = await asyncio.create_subprocess_exec(
                *("curl", "-s", "--cacert", str(certificate), f"https://localhost:{server.port}/"),
                stdout=subprocess.PIPE,
            )
            assert (await curl.communicate())[0] == b"secure"
    finally:
        await server.close()


async def test_a_client_that_connects_and_leaves(serving: Any, connect: Any) -> None:
    async with serving(echo) as server:
        for _ in range(50):
            socket.create_connection(("127.0.0.1", server.port)).close()
        async with connect(server) as client:
            assert (await client.ask(get("/"))).status == 200


async def test_closing_ends_idle_connections_at_once(serving: Any, connect: Any) -> None:
    async with serving(echo) as server, connect(server) as client, connect(server) as silent, connect(server) as half:
        await client.ask(get("/"))
        await half.ask(get("/"))
        await half.send(b"GET / HT")
        await asyncio.wait_for(server.close(5), 1)
        assert await client.ended()
        assert await silent.ended()
        assert await half.ended()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_closing_lets_running_requests_finish(serving: Any, connect: Any) -> None:
    gate, started = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        await gate.wait()
        return Response(200, [], b"done")

    async with serving(handler) as server, connect(server) as client:
        await client.send(get("/"))
        await started.wait()
        closing = asyncio.create_task(server.close(5))
        await asyncio.sleep(0.02)
        assert not closing.done()
        gate.set()
        reply = await client.reply()
        assert (reply.body, reply.headers["connection"]) == (b"done", "close")
        assert await client.ended()
        await closing


async def test_closing_cuts_what_does_not_end(serving: Any, connect: Any) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    async with serving(handler) as server, connect(server) as client:
        await client.send(get("/"))
        await started.wait()
        await asyncio.wait_for(server.close(0.05), 2)
        assert cancelled.is_set()
        assert await client.ended()


async def test_at_the_cap_the_longest_idle_connection_gives_way(serving: Any, connect: Any) -> None:
    async with serving(echo, connections=2) as server, connect(server) as first, connect(server) as second:
        await first.ask(get("/"))
        await second.ask(get("/"))
        async with connect(server) as third:
            assert (await third.ask(get("/3"))).body == b"/3 "
            assert await first.ended()


async def test_at_the_cap_newcomers_wait_for_busy_ones(serving: Any, connect: Any) -> None:
    gate, started = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        if request.path == "/slow":
            started.set()
            await gate.wait()
        return Response(200, [], request.path.encode())

    async with serving(handler, connections=1) as server, connect(server) as first:
        await first.send(get("/slow"))
        await started.wait()
        async with connect(server) as second:
            await second.send(get("/2"))
            waiting = asyncio.create_task(second.reply())
            await asyncio.sleep(0.05)
            assert not waiting.done()
            gate.set()
            assert (await first.reply()).body == b"/slow"
            assert (await waiting).body == b"/2"
