"""Which browsers may speak to us: guards against DNS rebinding (Host) and other people's pages (Origin, Referer).

The default credentials are public and S3 answers the anonymous, so a page from anywhere could otherwise use a cloud
on localhost.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

_NAMES = frozenset(("localhost", "localhost.localstack.cloud", "host.docker.internal", "host.containers.internal"))
# No page can make a browser resolve these to a place of its choosing: names in `localhost` always mean this machine
# (RFC 6761), and AWS's reach us only through a client's own settings.
_HOSTS = (".localhost", ".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".localhost.localstack.cloud")
# As origins, AWS's names are foreign: anybody can put a page into a real bucket or behind a real function URL.
_ORIGINS = (".localhost",)


@lru_cache(4096)
def host_allowed(
    host: str, local_address: str = "", allowed: frozenset[str] = frozenset(), *, any_address: bool = False
) -> bool:
    """Whether a request for this Host (with or without port) may be served.

    `local_address` is the address on which it arrived: an IP literal must be a loopback address or equal it. `allowed`
    holds further names, lower-case, `*.` in front meaning any subdomain; `any_address` admits every address, for a
    cloud that others may reach. An empty Host (HTTP/1.0) cannot come from a
    rebound page.
    """
    name = _hostname(host)
    if name is None:
        return False
    # An address is no name: nothing can be rebound to it.
    return not name or _ours(name, _HOSTS, local_address, allowed) or (any_address and _address(name) is not None)


@lru_cache(4096)
def origin_allowed(
    origin: str | None,
    referer: str | None = None,
    local_address: str = "",
    allowed: frozenset[str] = frozenset(),
    allowed_origins: frozenset[str] = frozenset(),
) -> bool:
    """Whether a page of this Origin, or where that is missing of this Referer, may make requests.

    None of both is no page at all (SDKs, CLIs). `allowed_origins` are whole origins (`https://app.example.com`), or
    `*`. The opaque origin `null` (sandboxed frames, `file:`) is foreign.
    """
    source = origin if origin is not None else referer
    if source is None or "*" in allowed_origins:
        return True
    scheme, authority = _source(source)
    if f"{scheme}://{authority}" in allowed_origins:
        return True
    name = _hostname(authority) if scheme in ("http", "https") else None
    return bool(name) and _ours(name or "", _ORIGINS, local_address, allowed)


@lru_cache(1024)
def admin_origin_allowed(origin: str | None, referer: str | None = None) -> bool:
    """Whether a page may use the admin endpoints: only this machine's own may, whatever is allowed elsewhere."""
    source = origin if origin is not None else referer
    if source is None:
        return True
    scheme, authority = _source(source)
    name = _hostname(authority) if scheme in ("http", "https") else None
    # Buckets have names in `localhost` too, and what they serve is not ours.
    return name is not None and (name == "localhost" or _loopback(name))


def _source(text: str) -> tuple[str, str]:
    """Scheme and authority of an Origin or a Referer, lower-case."""
    scheme, _, rest = text.lower().partition("://")
    return scheme, re.split(r"[/\\?#]", rest, maxsplit=1)[0]


def _ours(name: str, suffixes: tuple[str, ...], local_address: str, allowed: frozenset[str]) -> bool:
    if name in _NAMES or name in allowed or name.endswith(suffixes):
        return True
    address = _address(name)
    if address is not None:
        return address.is_loopback or (bool(local_address) and address == _address(local_address))
    parent = name.partition(".")[2]
    while parent:
        if "*." + parent in allowed:
            return True
        parent = parent.partition(".")[2]
    return False


def _loopback(name: str) -> bool:
    address = _address(name)
    return address is not None and address.is_loopback


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _hostname(authority: str) -> str | None:
    """The name or address in `name:port` or `[address]:port`, lower-case, no final dot; None for anything else."""
    if "@" in authority or len(authority) > 300:
        return None
    if authority.startswith("["):
        name, bracket, port = authority[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())) or _address(name) is None:
            return None
        return name.lower()
    name, colon, port = authority.partition(":")
    if colon and not (port.isascii() and port.isdigit()):
        return None
    name = name.lower().removesuffix(".")
    return name if all(c.isalnum() or c in "-._" for c in name) else None
