"""The house's own pages: `/_cumulet/…` for people and tools that run a cloud, `/_localstack/health` for tools that
know that one."""

from __future__ import annotations

import os
import resource
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from cumulet import __version__
from cumulet.base.messages import Request, Response
from cumulet.kernel.kernel import Kernel

Answer = Response | Awaitable[Response]


def answer(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    """The response to a request whose path begins with `/_cumulet/` or `/_localstack/`."""
    path = request.path.rstrip("/")
    # A HEAD is answered like a GET; the server leaves the body out.
    route = _ROUTES.get(("GET" if request.method == "HEAD" else request.method, path))
    if route is not None:
        return route(kernel, request, stop)
    _, house, name, *_ = request.path.split("/")
    service = kernel.registry.service(name) if house == "_cumulet" else None
    if service is not None and service.dataplane is not None:
        return service.dataplane(kernel, request)
    known = any(path == one for _, one in _ROUTES)
    return _json({"message": "Method Not Allowed" if known else "Not Found"}, 405 if known else 404)


def _health(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    return _json(
        {"status": "ok", "version": __version__, "services": dict.fromkeys(sorted(kernel.registry.names), "available")}
    )


def _localstack(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    services = dict.fromkeys(sorted(kernel.registry.names), "available")
    return _json({"services": services, "edition": "cumulet", "version": __version__})


def _ready(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    return _json({"ready": True})


def _info(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    machine = kernel.machine
    return _json(
        {
            "version": __version__,
            "pid": os.getpid(),
            "endpoint": machine.endpoint,
            "data": None if machine.settings.ephemeral else str(machine.settings.directory),
            "durability": "none" if machine.settings.ephemeral else machine.settings.durability,
            "isolation": machine.isolation,
            "max_rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "outbox_idle": kernel.outbox.idle,
            "dead_letters": kernel.outbox.dead(20),
        }
    )


def _audit(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    wanted = parse_qs(request.query).get("request")
    return _json({"events": kernel.audit.events(100, wanted[0] if wanted else None)})


def _reset(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    async def reset() -> Response:
        await kernel.reset()
        return _json({"status": "reset"})

    return reset()


def _stop(kernel: Kernel, request: Request, stop: Callable[[], None]) -> Answer:
    stop()
    return _json({"status": "stopping"}, 202)


_ROUTES: dict[tuple[str, str], Callable[[Kernel, Request, Callable[[], None]], Answer]] = {
    ("GET", "/_cumulet/health"): _health,
    ("GET", "/_cumulet/ready"): _ready,
    ("GET", "/_cumulet/info"): _info,
    ("GET", "/_cumulet/audit"): _audit,
    ("POST", "/_cumulet/reset"): _reset,
    ("POST", "/_cumulet/stop"): _stop,
    ("GET", "/_localstack/health"): _localstack,
}


def _json(value: Any, status: int = 200) -> Response:
    return Response(
        status, [("content-type", "application/json")], orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    )
