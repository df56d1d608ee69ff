"""The canonical form of a request: what both sides of SigV4 write down before they sign.

Source: IAM User Guide, 'Create a signed AWS API request'. S3 takes the path as the client sent it (keys hold `//` and
`..`), every other service normalises it and encodes it a second time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

_CACHED_LENGTH = 256
_canonical_already = re.compile(r"(?:[A-Za-z0-9\-._~=&]|%[0-9A-F]{2})*").fullmatch
_escaped_unreserved = re.compile(r"%(?:4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9AE]|3[0-9]|2[DE]|5F)").search
_UNRESERVED = "-_.~"


def query(raw: str, leave_out: str = "") -> str:
    """The canonical query string of a raw one: pairs sorted, parts encoded once, without `leave_out`."""
    if not raw:
        return ""
    if not leave_out and len(raw) <= _CACHED_LENGTH:
        return _cached_query(raw)
    return _query(raw, leave_out)


def _query(raw: str, leave_out: str) -> str:
    clean = _canonical_already(raw) is not None and _escaped_unreserved(raw) is None
    pairs = []
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            if clean and "=" not in value:
                pairs.append((name, value))
            else:
                pairs.append((_recode(name), _recode(value)))
    pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs if name != leave_out])


_cached_query = lru_cache(1024)(lambda raw: _query(raw, ""))


def query_as_sent(raw: str, leave_out: str = "") -> str:
    """The pairs sorted but not encoded anew: what some signers sign for a URL that they did not write themselves."""
    pairs = sorted(part.partition("=")[::2] for part in raw.split("&") if part)
    return "&".join([f"{name}={value}" for name, value in pairs if name != leave_out])


def path(raw: str) -> str:
    """The canonical path for every service but S3: dot segments and empty segments removed, encoded once more."""
    if raw == "/" or not raw:
        return "/"
    return _cached_path(raw) if len(raw) <= _CACHED_LENGTH else _path(raw)


def _path(raw: str) -> str:
    kept: list[str] = []
    for segment in raw.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment and segment != ".":
            kept.append(segment)
    last = "/" if kept and raw.endswith("/") else ""
    return quote("/" + "/".join(kept) + last, safe="/~", encoding="latin-1", errors="replace")


_cached_path = lru_cache(1024)(_path)


def s3_path_encoded(raw: str) -> str:
    """S3's path decoded and encoded anew, for clients that sign a path encoded and send it unencoded."""
    return quote(_bytes(raw), safe="/" + _UNRESERVED)


def header(value: str) -> str:
    """A header value trimmed, its runs of spaces one space."""
    value = value.strip()
    return " ".join(value.split()) if "  " in value or "\t" in value else value


def _recode(text: str) -> str:
    return quote(_bytes(text.replace("+", " ")), safe=_UNRESERVED)


def _bytes(text: str) -> bytes:
    # Raw targets are latin-1 text of whatever bytes came; anything wider was made by a caller in Python and means
    # UTF-8.
    try:
        return unquote_to_bytes(text.encode("latin-1"))
    except UnicodeEncodeError:
        return unquote_to_bytes(text.encode("utf-8", "replace"))
