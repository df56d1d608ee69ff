"""Listening sockets: both loopbacks on one port."""

from __future__ import annotations

import errno
import socket

from cumulet.base.errors import CumuletError

_BOTH = {
    "localhost": ("127.0.0.1", "::1"),
    "127.0.0.1": ("127.0.0.1", "::1"),
    "::1": ("127.0.0.1", "::1"),
    "": ("0.0.0.0", "::"),  # noqa: S104  only where the user asks for it
    "*": ("0.0.0.0", "::"),  # noqa: S104
    "0.0.0.0": ("0.0.0.0", "::"),  # noqa: S104
    "::": ("0.0.0.0", "::"),  # noqa: S104
}
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
_ATTEMPTS = 32


class CannotListen(CumuletError):
    """The address cannot be listened on; the message is one line and says the way out."""


def listen(host: str, port: int, backlog: int = 1024) -> list[socket.socket]:
    """Non-blocking listeners for `host`; a loopback or wildcard address means IPv4 and IPv6. Port 0: one free port for both."""
    addresses = _BOTH.get(host) or (host,)
    for attempt in range(_ATTEMPTS):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for address in addresses:
                listener = _one(address, chosen, backlog, optional=bool(sockets))
                if listener is not None:
                    sockets.append(listener)
                    chosen = listener.getsockname()[1]
            return sockets
        except OSError as error:
            for listener in sockets:
                listener.close()
            # The port that IPv4 was given may be somebody's on IPv6: ask for another one.
            if error.errno == errno.EADDRINUSE and port == 0 and sockets and attempt + 1 < _ATTEMPTS:
                continue
            raise CannotListen(_explain(error, host, port)) from None
    raise CannotListen(f"no port is free on both loopback addresses of {host}")


def _one(address: str, port: int, backlog: int, *, optional: bool) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if optional and error.errno in _NO_IPV6:
            return None
        raise
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        if optional and error.errno in _NO_IPV6:
            return None
        raise
    return listener


def _explain(error: OSError, host: str, port: int) -> str:
    where = f"{host or '*'} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program: stop it, or choose another port (--port)"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{where} needs privileges: choose a port above 1023 (--port)"
    return f"cannot listen on {where}: {error.strerror or error}"
