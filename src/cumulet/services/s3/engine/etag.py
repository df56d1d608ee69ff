"""Entity tags: the MD5 of what was sent, or of the parts' MD5s. Source: Amazon S3 API Reference, 'Object' (ETag)."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable

from cumulet.base.errors import AwsError


def of(data: bytes) -> str:
    """The MD5 of `data` in hexadecimal, without quotes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def of_parts(tags: Iterable[str]) -> str:
    """The tag of a multipart object: MD5 of the parts' MD5s, a dash, their number."""
    digests = [bytes.fromhex(tag) for tag in tags]
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def quoted(tag: str) -> str:
    """A tag as headers and documents carry it."""
    return f'"{tag}"'


def bare(tag: str) -> str:
    """A tag as a client wrote it, without quotes and weakness."""
    return tag.strip().removeprefix("W/").strip('"')


def content_md5(value: str) -> str:
    """The hexadecimal MD5 that a Content-MD5 header names. Raises AwsError InvalidDigest."""
    try:
        digest = b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise AwsError(
            "InvalidDigest", "The Content-MD5 you specified was invalid.", 400, members={"Content-MD5": value}
        )
    return digest.hex()


def bad_digest(named: str, calculated: str) -> AwsError:
    """400: the bytes do not have the MD5 that Content-MD5 names. Both in hexadecimal."""
    members = {
        "ExpectedDigest": named,
        "CalculatedDigest": b64encode(bytes.fromhex(calculated)).decode(),
    }
    return AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", 400, members=members)
