"""AWS's published signatures: S3's documentation, and the SigV4 test suite rebuilt as data."""

from __future__ import annotations

import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cumulet.auth import sigv4
from cumulet.auth.payload import ChunkVerifier, Signer
from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request, StreamBody

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
S3_KEY, S3_SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
S3_SCOPE = f"{S3_KEY}/20130524/us-east-1/s3/aws4_request"
S3_NOW = 1_369_353_600.0


def s3_request(
    method: str, target: str, signed: str, signature: str, headers: dict[str, str], body: Any = None
) -> Request:
    """A request as S3's documentation prints it."""
    all_headers = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-content-sha256": EMPTY,
        **headers,
        "authorization": f"AWS4-HMAC-SHA256 Credential={S3_SCOPE},SignedHeaders={signed},Signature={signature}",
    }
    return Request(method, target, all_headers, body)


def checked(request: Request, secret: str, family: Any) -> Any:
    signature = sigv4.read(request, family)
    assert signature is not None
    sigv4.check_headers(request, signature, family)
    return sigv4.verify(request, signature, secret, family)


S3_HEADER = {
    "get object": (
        "GET",
        "/test.txt",
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        {"range": "bytes=0-9"},
        b"",
    ),
    "put object": (
        "PUT",
        "/test%24file.text",
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        },
        b"Welcome to Amazon S3.",
    ),
    "get bucket lifecycle": (
        "GET",
        "/?lifecycle",
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        {},
        b"",
    ),
    "list objects": (
        "GET",
        "/?max-keys=2&prefix=J",
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        {},
        b"",
    ),
}


@pytest.mark.parametrize("name", S3_HEADER)
def test_s3_header_examples(name: str) -> None:
    method, target, signed, signature, headers, body = S3_HEADER[name]
    request = s3_request(method, target, signed, signature, headers, BytesBody(body))
    assert checked(request, S3_SECRET, "s3") is None
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        checked(request, S3_SECRET + "x", "s3")


def test_s3_accepts_a_path_sent_unencoded_but_signed_encoded() -> None:
    _, _, signed, signature, headers, body = S3_HEADER["put object"]
    request = s3_request("PUT", "/test$file.text", signed, signature, headers, BytesBody(body))
    assert checked(request, S3_SECRET, "s3") is None


PRESIGNED = (
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
    "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)


def test_s3_presigned_example() -> None:
    request = Request("GET", PRESIGNED, {"host": "examplebucket.s3.amazonaws.com"})
    assert checked(request, S3_SECRET, "s3") is None
    signature = sigv4.read(request, "s3")
    assert signature is not None
    sigv4.check_time(signature, S3_NOW + 86_400, "s3")
    with pytest.raises(AwsError, match="Request has expired"):
        sigv4.check_time(signature, S3_NOW + 86_401, "s3")


CHUNKS = [b"a" * 65_536, b"a" * 1024, b""]


def chunked(trailing: bool) -> ChunkVerifier:
    signed = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
    signed += "x-amz-storage-class"
    signature = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    headers = {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    }
    if trailing:
        signed = signed.replace("content-length;host", "host") + ";x-amz-trailer"
        signature = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
        headers["x-amz-content-sha256"] += "-TRAILER"
        headers["x-amz-trailer"] = "x-amz-checksum-crc32c"
    body = StreamBody(iter(()), 66_824)  # type: ignore[arg-type]
    verifier = checked(
        s3_request("PUT", "/examplebucket/chunkObject.txt", signed, signature, headers, body), S3_SECRET, "s3"
    )
    assert isinstance(verifier, ChunkVerifier)
    return verifier


SIGNED_CHUNKS = [
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
TRAILING_CHUNKS = [
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
]
TRAILER = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"


def test_s3_chunked_upload_example() -> None:
    verifier = chunked(False)
    for signature, data in zip(SIGNED_CHUNKS, CHUNKS, strict=True):
        assert not verifier.complete
        verifier.chunk(signature, data)
    assert verifier.complete


@pytest.mark.parametrize("raw", [b"x-amz-checksum-crc32c:sOO8/Q==\n", b"X-Amz-Checksum-Crc32c: sOO8/Q==\r\n"])
def test_s3_chunked_upload_with_a_trailer_example(raw: bytes) -> None:
    verifier = chunked(True)
    for signature, data in zip(TRAILING_CHUNKS, CHUNKS, strict=True):
        verifier.chunk(signature, data)
    verifier.trailer(TRAILER, raw)


def test_chunks_in_another_order_changed_or_unsigned_are_refused() -> None:
    for signature, data in (
        (SIGNED_CHUNKS[1], CHUNKS[1]),
        (SIGNED_CHUNKS[0], CHUNKS[0][:-1] + b"b"),
        ("", CHUNKS[0]),
        ("ü", CHUNKS[0]),
    ):
        with pytest.raises(AwsError) as caught:
            chunked(False).chunk(signature, data)
        assert (caught.value.code, caught.value.status) == ("SignatureDoesNotMatch", 403)
        assert caught.value.members["StringToSign"].startswith("AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n")


def test_a_changed_trailer_is_refused() -> None:
    verifier = chunked(True)
    for signature, data in zip(TRAILING_CHUNKS, CHUNKS, strict=True):
        verifier.chunk(signature, data)
    with pytest.raises(AwsError, match="SignatureDoesNotMatch"):
        verifier.trailer(TRAILER, b"x-amz-checksum-crc32c:sOO8/A==\n")


SUITE_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
SLASHES = "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"
SUITE: dict[str, tuple[str, str, dict[str, str], bytes, str]] = {
    "get-vanilla": ("GET", "/", {}, b"", VANILLA),
    "get-vanilla-query": ("GET", "/", {}, b"", VANILLA),
    "get-relative": ("GET", "/example/..", {}, b"", VANILLA),
    "get-relative-relative": ("GET", "/example1/example2/../..", {}, b"", VANILLA),
    "get-slash": ("GET", "//", {}, b"", VANILLA),
    "get-slash-dot-slash": ("GET", "/./", {}, b"", VANILLA),
    "get-slashes": ("GET", "//example//", {}, b"", SLASHES),
    "get-slash-pointless-dot": (
        "GET",
        "/./example",
        {},
        b"",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    "get-space": (
        "GET",
        "/example space/",
        {},
        b"",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    "get-utf8": (
        "GET",
        "/ሴ".encode().decode("latin-1"),
        {},
        b"",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    "get-unreserved": (
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        {},
        b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-vanilla-empty-query-key": (
        "GET",
        "/?Param1=value1",
        {},
        b"",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    "get-vanilla-query-order-key-case": (
        "GET",
        "/?Param2=value2&Param1=value1",
        {},
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-utf8-query": (
        "GET",
        "/?ሴ=bar".encode().decode("latin-1"),
        {},
        b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "get-header-value-trim": (
        "GET",
        "/",
        {"my-header1": " value1", "my-header2": ' "a   b   c"'},
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "post-vanilla": ("POST", "/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        {"content-type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
}


def suite_request(method: str, target: str, headers: dict[str, str], body: bytes, signature: str) -> Request:
    all_headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", **headers}
    signed = ";".join(sorted(all_headers))
    all_headers["authorization"] = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    return Request(method, target, all_headers, BytesBody(body))


@pytest.mark.parametrize("name", SUITE)
def test_the_sigv4_test_suite(name: str) -> None:
    request = suite_request(*SUITE[name])
    assert checked(request, SUITE_SECRET, "json") is None
    request.method = "PUT"
    with pytest.raises(AwsError, match="InvalidSignatureException"):
        checked(request, SUITE_SECRET, "json")


def test_iam_list_users_example() -> None:
    request = Request(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        {
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        },
    )
    assert checked(request, SUITE_SECRET, "query") is None


@given(st.binary(max_size=130), st.binary(max_size=200))
def test_our_hmac_is_hmac(key: bytes, message: bytes) -> None:
    assert Signer(key).sign(message) == hmac.digest(key, message, "sha256").hex()


def test_the_derived_key_example() -> None:
    key = sigv4.signing_key(SUITE_SECRET, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
