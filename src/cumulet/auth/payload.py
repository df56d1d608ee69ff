"""Bodies that are checked while they stream: against a signed digest, or chunk by chunk.

Source: Amazon S3 API Reference, 'Signature Calculations for the Authorization Header: Transferring Payload in
Multiple Chunks' and '… Including Trailing Headers (Chunked Upload)'.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from . import failures

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Signer:
    """HMAC-SHA256 under one key, its two padded key blocks hashed in advance: a third of the cost of `hmac.digest`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest().ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def sign(self, message: bytes) -> str:
        """The signature of a message, in hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()


class PayloadVerifier:
    """Digests a body as it passes. Nothing that was read may be believed before `finish` has returned."""

    __slots__ = ("_check", "_hash")

    def __init__(self, check: Callable[[str], None]) -> None:
        """`check` gets the body's SHA-256 in hexadecimal and raises AwsError where it is not what was signed."""
        self._hash = hashlib.sha256()
        self._check = check

    def feed(self, data: bytes) -> None:
        """The next piece of the body."""
        self._hash.update(data)

    def finish(self) -> None:
        """The body is complete. Raises AwsError (XAmzContentSHA256Mismatch, or the family's signature mismatch)."""
        self._check(self._hash.hexdigest())


class ChunkVerifier:
    """Checks the signatures of an aws-chunked body. Each depends on the one before, so chunks must come in order."""

    __slots__ = ("_access_key", "_done", "_previous", "_scope", "_signer", "_stamp")

    def __init__(self, signer: Signer, stamp: str, scope: str, seed: str, access_key: str) -> None:
        """`seed`: the signature of the head; `signer`: holds the signing key; `stamp`, `scope`: as in the string to sign."""
        self._signer = signer
        self._stamp = stamp
        self._scope = scope
        self._previous = seed
        self._access_key = access_key
        self._done = False

    def chunk(self, signature: str, data: bytes) -> None:
        """One chunk, the empty last one included. Raises AwsError SignatureDoesNotMatch."""
        digest = hashlib.sha256(data).hexdigest() if data else EMPTY_SHA256
        self._verify("PAYLOAD", signature, f"{EMPTY_SHA256}\n{digest}")
        self._done = not data

    def trailer(self, signature: str, trailers: bytes) -> None:
        """The trailing header lines without `x-amz-trailer-signature`. Raises AwsError SignatureDoesNotMatch."""
        lines = []
        for line in trailers.split(b"\n"):
            name, colon, value = line.strip().partition(b":")
            if colon and name.strip().lower() != b"x-amz-trailer-signature":
                lines.append(name.strip().lower() + b":" + value.strip() + b"\n")
        self._verify("TRAILER", signature, hashlib.sha256(b"".join(lines)).hexdigest())

    @property
    def complete(self) -> bool:
        """Whether the signed end (the empty chunk) has been seen: a body that stops before it was cut short."""
        return self._done

    def _verify(self, kind: str, signature: str, tail: str) -> None:
        to_sign = f"AWS4-HMAC-SHA256-{kind}\n{self._stamp}\n{self._scope}\n{self._previous}\n{tail}"
        expected = self._signer.sign(to_sign.encode())
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise failures.mismatch("s3", self._access_key, signature, to_sign)
        self._previous = expected
