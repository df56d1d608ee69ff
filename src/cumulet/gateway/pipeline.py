"""The life of a request, one flat list: who may talk to us at all, then our own pages, then the AWS API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        headers = request.headers
        host = headers.get("host", "")
        if not browser.host_allowed(host):
            return _refuse(421, f"Cumulet does not serve the host '{host[:200]}'.")
        ours = request.path.startswith(("/_cumulet/", "/_localstack/"))
        if "origin" in headers or "referer" in headers:
            origin, referer = headers.get("origin"), headers.get("referer")
            allowed = browser.admin_origin_allowed if ours else browser.origin_allowed
            if not allowed(origin, referer):
                return _refuse(403, f"Cumulet does not serve pages of '{(origin or referer or '')[:200]}'.")
        if ours:
            return admin.answer(self._kernel, request, self._stop)
        return self._dispatch(request)


def _refuse(status: int, why: str) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8")], why.encode() + b"\n")
