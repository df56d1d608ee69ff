"""Order-preserving keys: tuples of text, bytes and integers packed so that bytes sort as the tuples do.

Each element starts with a type tag (bytes 0x01 < text 0x02 < integer 0x15) and text and bytes end with 0x00, an inner 0x00 being
written 0x00 0xFF: the tuple layer of FoundationDB, less what nobody here needs.
"""

from __future__ import annotations

from functools import lru_cache

_OFFSET = 1 << 63


def pack(*parts: str | bytes | int) -> bytes:
    """The key of a tuple. Integers lie in [-2**63, 2**63)."""
    out = []
    for part in parts:
        if type(part) is str:
            out.append(b"\x02" + part.encode().replace(b"\x00", b"\x00\xff") + b"\x00")
        elif type(part) is int:
            out.append(b"\x15" + (part + _OFFSET).to_bytes(8, "big"))
        elif type(part) is bytes:
            out.append(b"\x01" + part.replace(b"\x00", b"\x00\xff") + b"\x00")
        else:
            raise TypeError(f"a key holds text, bytes and integers, not {type(part).__name__}")
    return b"".join(out)


def unpack(key: bytes) -> tuple[str | bytes | int, ...]:
    """The tuple of a packed key. Raises ValueError for bytes that are none."""
    out: list[str | bytes | int] = []
    at = 0
    while at < len(key):
        tag = key[at]
        at += 1
        if tag == 0x15:
            if at + 8 > len(key):
                raise ValueError("integer cut short")
            out.append(int.from_bytes(key[at : at + 8], "big") - _OFFSET)
            at += 8
        elif tag in (0x01, 0x02):
            raw, at = _unescape(key, at)
            out.append(raw.decode() if tag == 0x02 else raw)
        else:
            raise ValueError(f"unknown tag {tag}")
    return tuple(out)


def _unescape(key: bytes, at: int) -> tuple[bytes, int]:
    parts = []
    while True:
        end = key.find(b"\x00", at)
        if end < 0:
            raise ValueError("text without an end")
        parts.append(key[at:end])
        if key[end + 1 : end + 2] != b"\xff":
            return b"\x00".join(parts), end + 1
        at = end + 2


def bounds(prefix: bytes) -> tuple[bytes, bytes]:
    """The range of every packed key that continues `prefix` by at least one element."""
    return prefix + b"\x00", prefix + b"\xff"


def after_prefix(prefix: bytes) -> bytes:
    """The first key that sorts after every key starting with the raw bytes `prefix`."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else b"\xff" * 64


@lru_cache(4096)
def space(account: str, region: str, service: str) -> bytes:
    """The prefix of all state that `service` keeps for an account in a region (region "" for global services)."""
    return pack(account, region, service)
