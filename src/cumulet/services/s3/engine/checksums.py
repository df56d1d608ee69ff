"""Checksums: the algorithms S3 knows, running, verified and put together from parts.

Source: Amazon S3 User Guide, 'Checking object integrity in Amazon S3'. A value travels as base64; `CRC32` is the algorithm's name,
`ChecksumCRC32` the member's, `x-amz-checksum-crc32` the header's.
"""

from __future__ import annotations

import binascii
import hashlib
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, Protocol

from cumulet.base.errors import AwsError

from ..errors import invalid_request

if TYPE_CHECKING:
    from types import ModuleType

    from awscrt.checksums import XXHash

ChecksumType = Literal["FULL_OBJECT", "COMPOSITE"]

DEFAULT = "CRC64NVME"
"""What S3 computes by itself where the client named nothing."""


@lru_cache(1)
def _crt() -> ModuleType:
    from awscrt import checksums  # 25 ms and 7 MB that a cloud without objects need not spend

    module: ModuleType = checksums
    return module


class Running(Protocol):
    """A digest that grows."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A cyclic redundancy check in hashlib's manners."""

    __slots__ = ("_step", "_value", "_width")

    def __init__(self, step: Callable[[bytes, int], int], width: int) -> None:
        self._step = step
        self._value = 0
        self._width = width

    def update(self, data: bytes, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _Xx:
    """An xxHash in hashlib's manners."""

    __slots__ = ("_hash",)

    def __init__(self, made: XXHash) -> None:
        self._hash = made

    def update(self, data: bytes, /) -> None:
        self._hash.update(data)

    def digest(self) -> bytes:
        value: bytes = self._hash.finalize()
        return value


def _sha1() -> Running:
    return hashlib.sha1(usedforsecurity=False)


def _md5() -> Running:
    return hashlib.md5(usedforsecurity=False)


_MAKERS: dict[str, Callable[[], Running]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(_crt().crc32c, 4),
    "CRC64NVME": lambda: _Crc(_crt().crc64nvme, 8),
    "SHA1": _sha1,
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": _md5,
    "XXHASH64": lambda: _Xx(_crt().XXHash.new_xxhash64()),
    "XXHASH3": lambda: _Xx(_crt().XXHash.new_xxhash3_64()),
    "XXHASH128": lambda: _Xx(_crt().XXHash.new_xxhash3_128()),
}
_COMBINE = {"CRC32": ("combine_crc32", 4), "CRC32C": ("combine_crc32c", 4), "CRC64NVME": ("combine_crc64nvme", 8)}
"""What puts the checksums of parts together, and its width in bytes."""
ALGORITHMS = tuple(_MAKERS)
MEMBERS = {f"Checksum{name}": name for name in ALGORITHMS}
_MEMBER_SET = frozenset(MEMBERS)
HEADERS = {f"x-amz-checksum-{name.lower()}": name for name in ALGORITHMS}
_WIDTHS = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}


def running(algorithm: str) -> Running:
    """A digest of `algorithm` that has seen nothing yet."""
    return _MAKERS[algorithm]()


def encode(digest: bytes) -> str:
    """A digest as it travels."""
    return b64encode(digest).decode()


def compute(algorithm: str, data: bytes) -> str:
    """The checksum of `data`, base64."""
    if algorithm == "CRC64NVME":
        return b64encode(_crt().crc64nvme(data).to_bytes(8, "big")).decode()
    if algorithm == "CRC32":
        return b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
    digest = running(algorithm)
    digest.update(data)
    return encode(digest.digest())


def valid(algorithm: str, value: str) -> bool:
    """Whether `value` is base64 of the algorithm's length."""
    try:
        return len(b64decode(value, validate=True)) == _WIDTHS[algorithm]
    except (binascii.Error, ValueError):
        return False


def mismatch(algorithm: str) -> AwsError:
    """400: the bytes do not have the checksum that the client named."""
    return AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.", 400)


class Expected:
    """What a client says of the bytes it sends: the algorithm, and the value where it is known before the body ends."""

    __slots__ = ("algorithm", "trailer", "value")

    def __init__(self, algorithm: str, value: str | None, trailer: str | None = None) -> None:
        self.algorithm = algorithm
        self.value = value
        self.trailer = trailer

    def check(self, calculated: str, trailers: Mapping[str, str] | None) -> None:
        """Raise BadDigest where `calculated` is not what was said in a header or, after the body, in a trailer."""
        value = self.value
        if self.trailer is not None:
            value = (trailers or {}).get(self.trailer)
            if value is None:
                message = "The request contained trailing data that was not well-formed or did not conform to our published schema."
                raise AwsError("MalformedTrailerError", message, 400)
            if not valid(self.algorithm, value):
                raise invalid_request(f"Value for {self.trailer} trailing header is invalid.")
        if value is not None and value != calculated:
            raise mismatch(self.algorithm)


def expected(req: Mapping[str, Any], headers: Mapping[str, str]) -> Expected | None:
    """What the request says of its body's checksum; None where it says nothing. Raises AwsError InvalidRequest."""
    found = (
        []
        if _MEMBER_SET.isdisjoint(req)
        else [(name, req[member]) for member, name in MEMBERS.items() if member in req]
    )
    if not found and "x-amz-trailer" not in headers and "x-amz-sdk-checksum-algorithm" not in headers:
        return None
    if len(found) > 1:
        raise invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    trailer = headers.get("x-amz-trailer", "").strip().lower()
    wanted = headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    if wanted and wanted not in _MAKERS:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if found:
        name, value = found[0]
        if not valid(name, value):
            raise invalid_request(f"Value for x-amz-checksum-{name.lower()} header is invalid.")
        return Expected(name, value)
    if trailer:
        algorithm = HEADERS.get(trailer)
        if algorithm is None:
            raise invalid_request("The value specified in the x-amz-trailer header is not supported")
        return Expected(algorithm, None, trailer)
    if wanted:
        raise invalid_request(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        )
    return None


def default_type(algorithm: str) -> ChecksumType:
    """How parts make an object's checksum where CreateMultipartUpload does not say."""
    return "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"


def type_allowed(algorithm: str, kind: str) -> bool:
    """Whether an upload can have this pair. Only CRCs can be put together from parts; CRC64NVME only so."""
    if kind == "FULL_OBJECT":
        return algorithm in _COMBINE
    return algorithm != "CRC64NVME"


def combine(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The full-object checksum of parts given as (base64 checksum, size in bytes)."""
    name, width = _COMBINE[algorithm]
    join: Callable[[int, int, int], int] = getattr(_crt(), name)
    total = 0
    for value, size in parts:
        total = join(total, int.from_bytes(b64decode(value), "big"), size)
    return encode(total.to_bytes(width, "big"))


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of checksums, less its `-N`."""
    return compute(algorithm, b"".join(b64decode(value) for value in parts))
