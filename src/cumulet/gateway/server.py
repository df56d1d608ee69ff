"""The HTTP server: listeners, an accept loop that looks at the first byte of each connection, and one sweeper for all time limits."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Awaitable

from .connection import Connection
from .limits import Limits
from .listen import CannotListen, listen
from .writer import Handler, Writer

__all__ = ["CannotListen", "Handler", "Limits", "Server", "serve"]

log = logging.getLogger("cumulet.gateway")

_TLS_HANDSHAKE = b"\x16"
# A fatal alert, handshake_failure: what a TLS client understands (RFC 8446, 'Alert Protocol').
_TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x28"
_ACCEPTS = 64  # Connections taken per wake-up before others get their turn.
_PATIENCE = 1.0  # For a new connection's first byte, when others want its place.
_CUT_TIME = 2.0  # For handlers to clean up when they are cancelled.
_RESERVED_FILES = 64  # Kept for the store, blobs and workers' pipes.
_DEFAULT = Limits()


async def serve(
    handler: Handler, *, host: str, port: int, limits: Limits = _DEFAULT, tls: ssl.SSLContext | None = None
) -> Server:
    """Serve HTTP on `host` (a loopback name or address means both loopbacks) and `port` (0: any free one) on the running loop.

    `handler` is called with each request and returns a Response or an awaitable of one. `tls` answers TLS handshakes on the same
    port. Raises CannotListen.
    """
    sockets = listen(host, port)
    server = Server(handler, sockets, limits, tls)
    server.start()
    return server


class Server:
    """A running server."""

    def __init__(
        self, handler: Handler, sockets: list[socket.socket], limits: Limits, tls: ssl.SSLContext | None
    ) -> None:
        self.handler = handler
        self.sockets = sockets
        self.port: int = sockets[0].getsockname()[1]
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.clock = self.loop.time()
        """The loop's time, as coarse as the sweeper: enough for time limits, and free to read."""
        self.closing = False
        self.connections: set[Connection] = set()
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._adopting: set[asyncio.Task[None]] = set()
        self._silent: dict[socket.socket, float] = {}
        self._accepting = False
        self._empty = asyncio.Event()
        self._told = False
        times = (limits.head_time, limits.idle_time, limits.body_time, limits.write_time, limits.linger_time)
        self._tick = min(1.0, min(times) / 4)
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = soft - _RESERVED_FILES if soft != resource.RLIM_INFINITY else limits.connections
        self._cap = max(1, min(limits.connections, room))
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept connections from now on."""
        self._accept_on()
        self._sweep()

    # Accepting.

    def _accept_on(self) -> None:
        if not self._accepting and not self.closing:
            self._accepting = True
            for listener in self.sockets:
                self.loop.add_reader(listener, self._accept, listener)

    def _accept_off(self) -> None:
        if self._accepting:
            self._accepting = False
            for listener in self.sockets:
                self.loop.remove_reader(listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            if self._open() >= self._cap and not self._evict():
                self._accept_off()
                return
            try:
                sock, address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of files or memory: the backlog holds newcomers while others finish.
                log.warning("cannot accept connections for now: %s", error)
                self._accept_off()
                return
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                sock.close()
                continue
            if not self._greet(sock, address[0]):
                self._silent[sock] = self.clock
                self.loop.add_reader(sock, self._first_byte, sock, address[0])

    def _open(self) -> int:
        return len(self.connections) + len(self._silent) + len(self._adopting)

    def _evict(self) -> bool:
        """Make room by closing the connection that has been idle longest, or one that has said nothing for a while."""
        idle = [c for c in self.connections if c.idle and not c.data]
        if idle:
            min(idle, key=lambda c: c.since).end()
            return True
        sock, since = next(iter(self._silent.items()), (None, 0.0))
        if sock is None or self.clock - since < _PATIENCE:
            return False
        self._drop(sock)
        return True

    def _first_byte(self, sock: socket.socket, peer: str) -> None:
        if self._greet(sock, peer):
            self._silent.pop(sock, None)

    def _greet(self, sock: socket.socket, peer: str) -> bool:
        """Look at the first byte and hand the connection over. False: nothing was sent yet."""
        try:
            first = sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            first = b""
        if not first:
            self._drop(sock)
        elif first != _TLS_HANDSHAKE:
            self._adopt(sock, peer, None)
        elif self._tls is not None:
            self._adopt(sock, peer, self._tls)
        else:
            self._refuse_tls(sock)
        return True

    def _drop(self, sock: socket.socket) -> None:
        # The reader must go before the descriptor's number is another socket's.
        self.loop.remove_reader(sock)
        self._silent.pop(sock, None)
        sock.close()

    def _refuse_tls(self, sock: socket.socket) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "a client spoke TLS to port %d, which serves plain HTTP: use http:// in its endpoint URL", self.port
            )
        try:
            sock.recv(64 * 1024)
            sock.send(_TLS_ALERT)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            log.debug("a TLS client left before it could be told")
        self._drop(sock)

    def _adopt(self, sock: socket.socket, peer: str, tls: ssl.SSLContext | None) -> None:
        self.loop.remove_reader(sock)
        task = self.loop.create_task(self._connect(sock, peer, tls))
        self._adopting.add(task)
        task.add_done_callback(self._adopted)

    async def _connect(self, sock: socket.socket, peer: str, tls: ssl.SSLContext | None) -> None:
        secure = tls is not None
        timeout = self.limits.head_time if secure else None
        try:
            await self.loop.connect_accepted_socket(
                lambda: Connection(self, sock, peer, secure=secure), sock, ssl=tls, ssl_handshake_timeout=timeout
            )
        except (OSError, TimeoutError) as error:
            log.debug("a connection from %s failed at once: %s", peer, error)
            sock.close()

    def _adopted(self, task: asyncio.Task[None]) -> None:
        self._adopting.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection could not be taken", exc_info=task.exception())
        self._settle()

    # What connections call.

    def opened(self, connection: Writer) -> None:
        """A connection is ready."""
        assert isinstance(connection, Connection)
        self.connections.add(connection)
        if self.closing:
            connection.end()

    def closed(self, connection: Writer) -> None:
        """A connection is gone."""
        assert isinstance(connection, Connection)
        self.connections.discard(connection)
        self._settle()

    def spawn(self, answer: Awaitable[None]) -> asyncio.Task[None]:
        """Run an answer as a task that is waited for at the end."""
        task = asyncio.ensure_future(answer)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)
        task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("an answer failed", exc_info=task.exception())
        self._settle()

    def _settle(self) -> None:
        if self.closing:
            if not self._open() and not self._tasks:
                self._empty.set()
        elif not self._accepting:
            self._accept_on()

    # Time.

    def _sweep(self) -> None:
        now = self.clock = self.loop.time()
        for connection in list(self.connections):
            connection.check(now)
        for sock, since in list(self._silent.items()):
            if now - since > self.limits.head_time:
                self._drop(sock)
        self._settle()
        self._sweeper = self.loop.call_later(self._tick, self._sweep)

    async def close(self, grace: float = 5.0) -> None:
        """Stop: take no connection, close idle ones, let running requests finish for `grace` seconds, then cut."""
        if not self.closing:
            self._accept_off()
            self.closing = True
            for listener in self.sockets:
                listener.close()
            for sock in list(self._silent):
                self._drop(sock)
            for connection in list(self.connections):
                if connection.idle:
                    connection.end()
        self._settle()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            log.warning("cut %d connections that did not end within %g s", len(self.connections), grace)
        finally:
            await self._cut()

    async def _cut(self) -> None:
        tasks = [*self._tasks, *self._adopting]
        for task in tasks:
            task.cancel()
        for connection in list(self.connections):
            connection.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=_CUT_TIME)
        try:
            async with asyncio.timeout(_CUT_TIME):
                await self._empty.wait()
        except TimeoutError:
            log.error("%d handlers do not end", len(self._tasks))
        if self._sweeper is not None:
            self._sweeper.cancel()
