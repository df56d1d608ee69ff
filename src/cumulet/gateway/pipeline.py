"""The life of a request, one flat list: who may talk to us at all, then our own pages, then the AWS API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache

from cumulet.auth import browser
from cumulet.base.messages import Request, Response
from cumulet.kernel.dispatch import Dispatcher
from cumulet.kernel.kernel import Kernel

from . import admin, body


class Pipeline:
    """The server's handler. `stop` ends the server."""

    def __init__(self, kernel: Kernel, stop: Callable[[], None]) -> None:
        self._kernel = kernel
        self._stop = stop
        self._dispatch = Dispatcher(kernel, body.decode)
        settings = kernel.machine.settings
        self._hosts = frozenset(settings.allow_host)
        self._origins = frozenset(settings.allow_origin)
        self._any_address = settings.allow_remote

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        headers = request.headers
        host = headers.get("host", "")
        if not browser.host_allowed(host, "", self._hosts, any_address=self._any_address):
            return _refuse(421, f"Cumulet does not serve the host '{host[:200]}'.")
        ours = request.path.startswith(("/_cumulet/", "/_localstack/")) and _our_host(host)
        if "origin" in headers or "referer" in headers:
            origin, referer = headers.get("origin"), headers.get("referer")
            if ours:
                allowed = browser.admin_origin_allowed(origin, referer)
            else:
                allowed = browser.origin_allowed(origin, referer, "", self._hosts, self._origins)
            if not allowed:
                return _refuse(403, f"Cumulet does not serve pages of '{(origin or referer or '')[:200]}'.")
        elif headers.get("sec-fetch-site") == "cross-site":
            # A page can hide its name (Referrer-Policy), sign with the public default keys, and have an image's GET
            # delete a user: query services take GET.
            return _refuse(403, "Cumulet does not serve other sites' pages that do not say who they are.")
        if ours:
            return admin.answer(self._kernel, request, self._stop)
        return self._dispatch(request)


@lru_cache(1024)
def _our_host(host: str) -> bool:
    """Whether the host is the cloud itself: in `BUCKET.s3.localhost` and its like, every path is the bucket's."""
    name = host.lower().partition(":")[0].removesuffix(".")
    return not name.endswith((".localhost", ".amazonaws.com", ".amazonaws.com.cn", ".on.aws")) or name.count(".") < 2


def _refuse(status: int, why: str) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8")], why.encode() + b"\n")
