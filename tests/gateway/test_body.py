"""aws-chunked bodies, with the examples of AWS's documentation and every way to cut or bend them."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.base.errors import AwsError
from cumulet.base.messages import BodyBroken, BytesBody, Request, StreamBody
from cumulet.gateway.body import AwsChunkedBody, DecodedBody, decode, decode_bytes

# 'Transferring Payload in Multiple Chunks (Chunked Upload)', 'Example: PUT Object', and the same with a trailing header.
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNATURES = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
TRAILER_SIGNATURES = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
]
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
DATA = b"a" * 66560


class Verifier:
    """The documentation's rules, written down once more."""

    def __init__(self, seed: str) -> None:
        self.previous = seed
        self.key = b"AWS4wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        for part in ("20130524", "us-east-1", "s3", "aws4_request"):
            self.key = hmac.new(self.key, part.encode(), hashlib.sha256).digest()

    def chunk(self, signature: str, data: bytes) -> None:
        self.check("PAYLOAD", signature, f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(data).hexdigest()}")

    def trailer(self, signature: str, trailers: bytes) -> None:
        self.check("TRAILER", signature, hashlib.sha256(trailers).hexdigest())

    def check(self, kind: str, signature: str, tail: str) -> None:
        scope = "20130524T000000Z\n20130524/us-east-1/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256-{kind}\n{scope}\n{self.previous}\n{tail}"
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        if self.previous != signature:
            raise AwsError("SignatureDoesNotMatch", status=403)


def signed(signatures: list[str], trailer: bytes = b"\r\n") -> bytes:
    chunks = zip((DATA[:65536], DATA[65536:], b""), signatures, strict=True)
    parts = [b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), signature.encode(), data) for data, signature in chunks]
    return b"".join(parts)[:-2] + trailer


async def cut(data: bytes, *places: int) -> AsyncIterator[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


async def streamed(
    data: bytes, length: int | None = None, check: Any = None, places: tuple[int, ...] = (7, 900)
) -> Any:
    body = AwsChunkedBody(StreamBody(cut(data, *places)), length, check)
    return await body.read(), body.trailers


async def test_the_documented_signed_upload() -> None:
    body = signed(SIGNATURES)
    whole = decode_bytes(body, len(DATA), Verifier(SEED))
    assert (whole.data, whole.trailers) == (DATA, {})
    assert await streamed(body, len(DATA), Verifier(SEED), (1, 50, 70_000)) == (DATA, {})
    # Where every credential is taken, signatures are passed over.
    assert decode_bytes(body, len(DATA)).data == DATA


@pytest.mark.parametrize("newline", [b"\r\n", b"\n\r\n", b"\n"])
async def test_the_documented_signed_trailer(newline: bytes) -> None:
    trailer = b"x-amz-checksum-crc32c:sOO8/Q==%sx-amz-trailer-signature:%s\r\n\r\n" % (
        newline,
        TRAILER_SIGNATURE.encode(),
    )
    body = signed(TRAILER_SIGNATURES, trailer)
    whole = decode_bytes(body, len(DATA), Verifier(TRAILER_SEED))
    assert (whole.data, whole.trailers) == (DATA, {"x-amz-checksum-crc32c": "sOO8/Q=="})
    assert await streamed(body, len(DATA), Verifier(TRAILER_SEED)) == (DATA, whole.trailers)
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        decode_bytes(body.replace(b"sOO8", b"sOO9"), len(DATA), Verifier(TRAILER_SEED))


@pytest.mark.parametrize("place", [100, 65_700, 66_700])
async def test_a_changed_chunk_is_never_passed_on(place: int) -> None:
    body = bytearray(signed(SIGNATURES))
    body[place] ^= 1
    with pytest.raises(AwsError):
        decode_bytes(bytes(body), len(DATA), Verifier(SEED))
    chunked = AwsChunkedBody(StreamBody(cut(bytes(body), 60_000)), len(DATA), Verifier(SEED))
    seen = b""
    with pytest.raises(AwsError):
        async for data in chunked:
            seen += data
    assert seen in (b"", DATA[:65536], DATA)


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(AwsError, match="InvalidRequest"):
        decode_bytes(b"1\r\na\r\n0\r\n\r\n", 1, Verifier(SEED))


def test_small_and_huge_signed_chunks_are_refused() -> None:
    class Believer:
        def chunk(self, signature: str, data: bytes) -> None: ...

        def trailer(self, signature: str, trailers: bytes) -> None: ...

    s = b";chunk-signature=0\r\n"
    with pytest.raises(AwsError, match="InvalidChunkSizeError"):
        decode_bytes(b"1" + s + b"a\r\n1" + s + b"b\r\n0" + s + b"\r\n", 2, Believer())
    with pytest.raises(AwsError, match="InvalidRequest"):
        decode_bytes(b"1000001" + s, None, Believer())


async def test_unsigned_with_trailers_as_botocore_sends_it() -> None:
    body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Amz-Checksum-CRC32:eyJh \r\n\r\n"
    assert await streamed(body, 5) == (b"abcde", {"x-amz-checksum-crc32": "eyJh"})
    whole = decode_bytes(body, 5)
    assert (whole.data, whole.trailers, whole.length) == (b"abcde", {"x-amz-checksum-crc32": "eyJh"}, 5)
    assert decode_bytes(b"0\r\n\r\n", 0).data == b""
    assert decode_bytes(b"0\r\n", 0).data == b""


async def test_pieces_pass_through_unjoined() -> None:
    pieces = [b"a" * 1000, b"b" * 1000]

    async def source() -> AsyncIterator[bytes]:
        yield b"7d0\r\n"
        for piece in pieces:
            yield piece
        yield b"\r\n0\r\n\r\n"

    got = [piece async for piece in AwsChunkedBody(StreamBody(source()), 2000)]
    assert all(a is b for a, b in zip(got, pieces, strict=True))


@pytest.mark.parametrize(
    ("body", "length", "code"),
    [
        (b"", 0, "IncompleteBody"),
        (b"3\r\nab", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n0", 3, "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\n", 4, "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\n\r\n", 2, "IncompleteBody"),
        (b"3\r\nabcd\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"zz\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"-3\r\nabc\r\n0\r\n\r\n", 3, "InvalidRequest"),
        (b"x" * 5000, 3, "InvalidRequest"),
        (b"0\r\nno trailer\r\n\r\n", 0, "MalformedTrailerError"),
        (b"0\r\na:\x00\r\n\r\n", 0, "MalformedTrailerError"),
        (b"0\r\n" + b"a:b\r\n" * 5000, 0, "MalformedTrailerError"),
    ],
)
async def test_wrong_bodies(body: bytes, length: int, code: str) -> None:
    for places in ((7, 900), (1, 2, 3, 4, 5)):
        with pytest.raises(AwsError) as caught:
            await streamed(body, length, None, places)
        assert caught.value.code == code
    with pytest.raises(AwsError, match=code) as caught:
        decode_bytes(body, length)
    assert caught.value.status == 400


async def test_a_client_that_leaves_shows_through() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"5\r\nab"
        raise BodyBroken("gone")

    with pytest.raises(BodyBroken):
        await AwsChunkedBody(StreamBody(source()), 5).read()


async def test_requests() -> None:
    headers = {"x-amz-decoded-content-length": "1"}
    whole = decode(Request("PUT", "/", headers, BytesBody(b"1\r\na\r\n0\r\n\r\n")), None)
    assert isinstance(whole, DecodedBody)
    assert whole.data == b"a"
    streaming = decode(Request("PUT", "/", headers, StreamBody(cut(b"1\r\na\r\n0\r\n\r\n"))), None)
    assert streaming.length == 1
    assert await streaming.read() == b"a"
    for wrong, status in (
        ({}, 411),
        ({"x-amz-decoded-content-length": "-1"}, 400),
        ({"x-amz-decoded-content-length": "²"}, 400),
    ):
        with pytest.raises(AwsError) as caught:
            decode(Request("PUT", "/", wrong, BytesBody(b"0\r\n\r\n")), None)
        assert caught.value.status == status


def run(coroutine: Any) -> Any:
    """A coroutine that never really waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(0, 500), max_size=12), st.booleans()
)
def test_however_it_is_cut_it_decodes_the_same(chunks: list[bytes], places: list[int], trailer: bool) -> None:
    body = (
        b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks)
        + b"0\r\n"
        + (b"a-b:c\r\n" if trailer else b"")
        + b"\r\n"
    )
    data = b"".join(chunks)
    expected = (data, {"a-b": "c"} if trailer else {})
    assert run(streamed(body, len(data), None, tuple(places))) == expected
    whole = decode_bytes(body, len(data))
    assert (whole.data, whole.trailers) == expected


@given(st.binary(max_size=60), st.lists(st.integers(0, 500), max_size=5))
def test_noise_is_refused_the_same_however_it_is_cut(noise: bytes, places: list[int]) -> None:
    def outcome(attempt: Any) -> Any:
        try:
            return attempt()
        except AwsError as error:
            return error.code

    def whole() -> Any:
        body = decode_bytes(noise)
        return body.data, body.trailers

    assert outcome(whole) == outcome(lambda: run(streamed(noise, None, None, tuple(places))))
