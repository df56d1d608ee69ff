"""HTTP/1.1 heads: requests read with llhttp (httptools), responses written.

Only whole heads are given to llhttp, so its state never outlives one, pipelining and body framing are ours alone, and what it would
take for a second request inside one head is refused.
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from .limits import Limits

_SERVER_LINE: Final = "Server: Cumulet\r\n"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_HIGH = re.compile(rb"[\x80-\xff]")


class Refused(Exception):
    """The request is answered by the server itself and the connection closed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class Head:
    """A request's head. `length` is the body's, None where it is chunked. `close` and `old` (HTTP/1.0) decide how to answer."""

    # Defaults of the class, because most heads change few of them.
    url = b""
    complete = 0
    method = "GET"
    target = ""
    length: int | None = 0
    expect = False
    close = False
    old = False

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key = _NAMES.get(name) or _name(name)
        headers = self.headers
        if value[-1:] <= b" ":
            value = value.rstrip(b" \t")  # llhttp strips what comes before a value only.
        if key in headers:
            if key == "host":
                raise ValueError("two Host headers")
            # SigV4 signs repeated headers joined by a bare comma.
            headers[key] = f"{headers[key]},{value.decode('latin-1')}"
        else:
            headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.complete += 1


_NAMES: Final[dict[bytes, str]] = {}
_MAX_NAMES = 1024


def _name(raw: bytes) -> str:
    """A header's name in lower case. The first names seen are remembered; the rest, a client's inventions, are not."""
    name = raw.lower().decode("latin-1")
    if len(_NAMES) < _MAX_NAMES and len(raw) <= 64:
        _NAMES[raw] = name
    return name


def read_head(data: bytes, limits: Limits) -> Head:
    """The request whose head is exactly `data`, from its method to its empty line. Raises Refused."""
    if len(data) > limits.head:
        raise too_long(data, limits)
    if data.count(b"\n") - 2 > limits.headers:
        raise Refused(431, "too many headers")
    line_end = data.index(b"\r\n")
    if not data.isascii():
        # llhttp refuses raw UTF-8 in a target (curl sends it): encoded it means the same.
        line = _HIGH.sub(lambda m: b"%%%02X" % m[0][0], data[:line_end])
        data = line + data[line_end:]
        line_end = len(line)
    head = Head()
    parser = HttpRequestParser(head)
    try:
        parser.feed_data(data)
    except HttpParserUpgrade:
        pass  # An offer to upgrade (h2c) may be ignored.
    except HttpParserError as error:
        raise Refused(400, str(error)) from None
    if head.complete != 1:
        raise Refused(400, "not a request")
    version = data[line_end - 9 : line_end]
    if version != b" HTTP/1.1":
        if version != b" HTTP/1.0":
            raise Refused(505, "this server speaks HTTP/1.1")
        head.old = True
    head.method = parser.get_method().decode()
    target = head.target = head.url.decode("latin-1")
    if len(target) + len(head.method) + 10 != line_end:
        raise Refused(400, "the request line is malformed")
    if len(target) > limits.target:
        raise Refused(414, "the request target is too long")
    if target[:1] != "/" and target != "*":
        _absolute(head)
    _settle(head)
    return head


def too_long(data: bytes, limits: Limits) -> Refused:
    """What to say of a head, or a part of one, that is longer than heads may be."""
    if data.find(b"\r\n", 0, limits.target) < 0:
        return Refused(414, "the request target is too long")
    return Refused(431, "the headers are too long")


def _absolute(head: Head) -> None:
    """A target in absolute form (what proxies are sent) names the host itself."""
    match = _ABSOLUTE.fullmatch(head.target)
    if match is None:
        raise Refused(400, "the request target is neither a path nor a URL")
    head.headers["host"] = match[1]
    head.target = match[2] if match[2].startswith("/") else "/" + match[2]


def _settle(head: Head) -> None:
    """Decide framing, expectation and persistence."""
    headers = head.headers
    length = headers.get("content-length")
    if length is not None:
        head.length = int(length)
    elif "transfer-encoding" in headers:
        if headers["transfer-encoding"].lower() != "chunked" or head.old:
            raise Refused(501, "no transfer coding but chunked is understood")
        head.length = None
    if head.old:
        head.close = "keep-alive" not in _options(headers.get("connection", ""))
        return
    if "host" not in headers:
        raise Refused(400, "the Host header is missing")
    if "connection" in headers:
        head.close = "close" in _options(headers["connection"])
    if "expect" in headers:
        if headers["expect"].lower() != "100-continue":
            raise Refused(417, "no expectation but 100-continue is understood")
        head.expect = head.length != 0


def _options(connection: str) -> list[str]:
    return [option.strip() for option in connection.lower().split(",")]


_STATUS: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_DATE: Final = 1
_SERVER: Final = 2
_OURS: Final = {"date": _DATE, "server": _SERVER, "connection": 0, "content-length": 0, "transfer-encoding": 0}
# So that most headers are passed without being lowered.
_OURS_LENGTHS: Final = frozenset(map(len, _OURS))


class _Stamp:
    until = 0.0
    date = ""
    both = ""


def _stamp() -> type[_Stamp]:
    """The Date header's line, alone and with the Server's, made once per second."""
    now = time.time()
    if not _Stamp.until - 1 <= now < _Stamp.until:
        _Stamp.until = int(now) + 1.0
        _Stamp.date = f"Date: {formatdate(int(now), usegmt=True)}\r\n"
        _Stamp.both = _Stamp.date + _SERVER_LINE
    return _Stamp


def write_head(
    status: int, headers: list[tuple[str, str]], framing: str, *, keep_length: bool = False
) -> tuple[bytes, bool]:
    """A response's head, and whether the handler asked to close.

    `framing` is the header lines that the server has decided on (Content-Length or Transfer-Encoding, Connection). A handler's own
    Content-Length replaces `framing`'s where `keep_length` says so (HEAD), else it is dropped, as are its other framing headers.
    """
    lines = [_STATUS.get(status) or f"HTTP/1.1 {status} \r\n"]
    given = 0
    close = False
    for name, value in headers:
        if len(name) in _OURS_LENGTHS and (key := name.lower()) in _OURS:
            given |= _OURS[key]
            close = close or (key == "connection" and value.lower() == "close")
            if not _OURS[key] and not (keep_length and key == "content-length"):
                continue
        lines.append(f"{name}: {value}\r\n")
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        text = "".join(map(_one_line, lines))
    if close and "Connection" not in framing:
        framing += "Connection: close\r\n"
    if not given:
        text = f"{text}{_stamp().both}{framing}\r\n"
    else:
        date = "" if given & _DATE else _stamp().date
        server = "" if given & _SERVER else _SERVER_LINE
        text = f"{text}{date}{server}{framing}\r\n"
    try:
        return text.encode("latin-1"), close
    except UnicodeEncodeError:
        return text.encode(), close


def _one_line(line: str) -> str:
    """A header that would split the response (a value echoed from a query, say) loses its line breaks."""
    return line[:-2].replace("\r", " ").replace("\n", " ") + "\r\n"


def own_length(headers: list[tuple[str, str]]) -> int | None:
    """The Content-Length that a handler has set itself."""
    for name, value in headers:
        if len(name) == 14 and name.lower() == "content-length" and value.isascii() and value.isdigit():
            return int(value)
    return None
