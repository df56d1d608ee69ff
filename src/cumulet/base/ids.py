"""Identifiers in AWS's shapes. Random, never derived from names, so that a successor never meets its predecessor's data."""

from __future__ import annotations

import os

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE36 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class _Pool:
    """Random bytes in bulk: one system call for many ids."""

    __slots__ = ("_at", "_bytes")

    def __init__(self) -> None:
        self._bytes = b""
        self._at = 0

    def take(self, n: int) -> bytes:
        start = self._at
        end = start + n
        if end > len(self._bytes):
            self._bytes = os.urandom(4096)
            start, end = 0, n
        self._at = end
        return self._bytes[start:end]


_take = _Pool().take


def request_id() -> str:
    """A version 4 UUID, as most AWS services use for `x-amzn-RequestId`."""
    h = _take(16).hex()
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def s3_request_id() -> str:
    """Sixteen characters, as S3's `x-amz-request-id`."""
    return _take(8).hex().upper()


def hexid(n_bytes: int = 16) -> str:
    """`n_bytes` random bytes as lower-case hexadecimal."""
    return os.urandom(n_bytes).hex()


def unique_id(prefix: str, length: int = 21) -> str:
    """An IAM unique identifier (`AROA…`, `AKIA…`), `length` characters in all. See IAM's page 'IAM identifiers'."""
    return prefix + "".join(_BASE32[b & 31] for b in os.urandom(length - len(prefix)))


def letters(length: int) -> str:
    """`length` random upper-case letters and digits."""
    return "".join(_BASE36[b % 36] for b in os.urandom(length))
