"""Request heads as clients and attackers write them; response heads as handlers fill them."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.base.messages import Request, Response
from cumulet.gateway import http1
from cumulet.gateway.limits import Limits

LIMITS = Limits()


def head(text: str) -> http1.Head:
    return http1.read_head(text.replace("\n", "\r\n").encode("latin-1"), LIMITS)


@pytest.mark.parametrize(
    "target",
    ["/", "/b/a%2Fb", "/b//x//", "/b/../c/./d", "/b/%00%FF", "/b/a+b?x=%2B&y&=1", "/?a?b", "/b/~!@$&'()*,;=:[]", "*"],
)
def test_the_raw_target_survives(target: str) -> None:
    assert head(f"GET {target} HTTP/1.1\nHost: a\n\n").target == target


def test_a_long_target_survives_and_a_longer_one_is_refused() -> None:
    target = "/" + "k" * (LIMITS.target - 1)
    assert head(f"GET {target} HTTP/1.1\nHost: a\n\n").target == target
    with pytest.raises(http1.Refused) as caught:
        head(f"GET {target}k HTTP/1.1\nHost: a\n\n")
    assert caught.value.status == 414


def test_raw_utf8_in_a_target_is_percent_encoded() -> None:
    data = "GET /b/ü HTTP/1.1\r\nHost: a\r\nX-Note: ü\r\n\r\n".encode()
    parsed = http1.read_head(data, LIMITS)
    assert parsed.target == "/b/%C3%BC"
    assert parsed.headers["x-note"].encode("latin-1").decode() == "ü"


def test_an_absolute_target_names_the_host() -> None:
    parsed = head("GET http://photos.s3.localhost:4566/a%2Fb?c HTTP/1.1\nHost: other\n\n")
    assert (parsed.target, parsed.headers["host"]) == ("/a%2Fb?c", "photos.s3.localhost:4566")
    assert head("GET http://a HTTP/1.1\nHost: a\n\n").target == "/"
    assert head("GET http://a?x=/y HTTP/1.1\nHost: a\n\n").target == "/?x=/y"


def test_headers_are_lowered_trimmed_and_joined() -> None:
    parsed = head("GET / HTTP/1.1\nHost: a\nX-Amz-Meta-A:  1 \t \nx-amz-meta-a:2\nEmpty:\nblank: \t\n\n")
    assert parsed.headers == {"host": "a", "x-amz-meta-a": "1,2", "empty": "", "blank": ""}


@pytest.mark.parametrize(
    ("version", "connection", "close"),
    [
        ("1.1", None, False),
        ("1.1", "close", True),
        ("1.1", "Keep-Alive, CLOSE", True),
        ("1.1", "close-not", False),
        ("1.0", None, True),
        ("1.0", "keep-alive", False),
        ("1.0", "close", True),
    ],
)
def test_persistence(version: str, connection: str | None, close: bool) -> None:
    line = f"Connection: {connection}\n" if connection else ""
    assert head(f"GET / HTTP/{version}\nHost: a\n{line}\n").close is close


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 1\nTransfer-Encoding: chunked\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nContent-Length: 1\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 1\nContent-Length: 2\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 1, 2\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: -1\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: +1\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 0x1\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length: 99999999999999999999999\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nContent-Length:\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked\n\n", 501),
        ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: xchunked\n\n", 400),
        ("POST / HTTP/1.1\nHost: a\nTransfer-Encoding : chunked\n\n", 400),
        ("POST / HTTP/1.0\nHost: a\nTransfer-Encoding: chunked\n\n", 501),
        ("GET / HTTP/1.1\nHost: a\nX: b\n folded\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\n folded: b\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nX Y: b\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nX\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nX: \x00\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nX: a\rb\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nHost: b\n\n", 400),
        ("GET / HTTP/1.1\n\n", 400),
        ("GET  / HTTP/1.1\nHost: a\n\n", 400),
        ("GET  HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1 \nHost: a\n\n", 400),
        ("GET /a b HTTP/1.1\nHost: a\n\n", 400),
        ("GET a HTTP/1.1\nHost: a\n\n", 400),
        ("GET ftp://a/ HTTP/1.1\nHost: a\n\n", 400),
        ("CONNECT a:1 HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/2.0\nHost: a\n\n", 505),
        ("PRI * HTTP/2.0\n\n", 400),
        ("OPTIONS * RTSP/1.0\nHost: a\n\n", 505),
        ("GET /\n\n", 505),
        ("nonsense\n\n", 400),
        ("GET / HTTP/1.1\nHost: a\nExpect: 200-maybe\n\n", 417),
        ("GET / HTTP/1.1\nHost: a\n" + "X: y\n" * 200 + "\n", 431),
    ],
)
def test_bad_heads_are_refused(text: str, status: int) -> None:
    with pytest.raises(http1.Refused) as caught:
        head(text)
    assert caught.value.status == status


def test_bare_newlines_do_not_end_a_head_early() -> None:
    with pytest.raises(http1.Refused):
        http1.read_head(b"GET / HTTP/1.1\nHost: a\n\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n", LIMITS)


def written(headers: list[tuple[str, str]], status: int = 200, **more: Any) -> list[str]:
    data, _ = http1.write_head(status, headers, "Content-Length: 3\r\n", **more)
    assert data.endswith(b"\r\n\r\n")
    return data[:-4].decode("latin-1").split("\r\n")


def test_a_response_gets_date_server_and_framing() -> None:
    lines = written([("ETag", '"x"')])
    assert lines[:2] == ["HTTP/1.1 200 OK", 'ETag: "x"']
    assert [line.split(":")[0] for line in lines[2:]] == ["Date", "Server", "Content-Length"]
    assert lines[2].endswith(" GMT")


def test_a_handlers_own_date_and_server_stay() -> None:
    lines = written([("server", "AmazonS3"), ("DATE", "now")])
    assert lines[1:] == ["server: AmazonS3", "DATE: now", "Content-Length: 3"]


def test_a_handlers_framing_is_dropped() -> None:
    lines = written([("Content-length", "7"), ("Transfer-Encoding", "chunked"), ("connection", "keep-alive")])
    assert [line for line in lines if line.lower().startswith(("content-l", "tr", "con"))] == ["Content-Length: 3"]


def test_a_handler_may_close() -> None:
    data, close = http1.write_head(200, [("Connection", "close")], "")
    assert close
    assert data.count(b"Connection: close") == 1


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\r\n\r\n<script>"])
def test_a_value_cannot_split_the_response(value: str) -> None:
    lines = written([("Content-Disposition", value), ("X\r\nY", "z")])
    assert len(lines) == 6
    assert not any("\n" in line or "\r" in line for line in lines)


def test_values_beyond_latin_1_are_sent_as_utf8() -> None:
    data, _ = http1.write_head(200, [("X", "ł")], "")
    assert "X: ł\r\n".encode() in data


def test_unknown_statuses_have_no_reason() -> None:
    assert written([], status=599)[0] == "HTTP/1.1 599 "


async def test_refusals_reach_the_client_and_end_the_connection(serving: Any, connect: Any) -> None:
    def handler(request: Request) -> Response:
        raise AssertionError("not to be called")

    async with serving(handler) as server:
        for text, status in (
            (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            (b"\x00\x01\x02\r\n\r\n", 400),
            (b"GET /" + b"a" * 70_000, 414),
            (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431),
            (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        ):
            async with connect(server) as client:
                reply = await client.ask(text)
                assert (reply.status, reply.headers["connection"]) == (status, "close")
                assert await client.ended()
