"""How a service is declared: one `Service` in its package, its operations marked in their modules.

    service = Service("sqs", queues, messages)

An operation is a function named as AWS names the operation, in snake_case (`put_item` is PutItem), that takes a context
and a request and gives a response, all in AWS's member names:

    @operation
    def put_item(ctx: Context, req: PutItemInput) -> Json: ...

A plain function runs in one transaction (`ctx.tx`) and may be run again. `async def` is for what streams or waits; it
opens short transactions with `ctx.transact`. A generator is a long read on a snapshot: it yields now and then so that
others get their turn. Consumers take events from the outbox, jobs run when they are due.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar, overload

from cumulet.base.messages import Request, Response

from .access import Access

F = TypeVar("F", bound=Callable[..., Any])

MAX_BODY = 16 * 1024 * 1024


class Kind(Enum):
    """How an operation runs."""

    SYNC = 1
    ASYNC = 2
    LONG_READ = 3


@dataclass(frozen=True, slots=True)
class Handler:
    """An operation as the dispatcher sees it."""

    name: str
    run: Callable[..., Any]
    kind: Kind
    data: bool
    internal: bool
    anonymous: bool
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class _Mark:
    role: str
    name: str
    options: dict[str, bool] = field(default_factory=dict)


@overload
def operation(fn: F) -> F: ...
@overload
def operation(*, data: bool = False, internal: bool = False, anonymous: bool = False) -> Callable[[F], F]: ...
def operation(fn: F | None = None, *, data: bool = False, internal: bool = False, anonymous: bool = False) -> Any:
    """Mark an operation.

    `data`: a data event, audited in the ring only. `internal`: reached by `ctx.call`, never from outside. `anonymous`:
    callers without credentials reach it (and it decides for itself what they may do).
    """

    def mark(target: F) -> F:
        options = {"data": data, "internal": internal, "anonymous": anonymous}
        target.__cumulet__ = _Mark("operation", target.__name__, options)  # type: ignore[attr-defined]
        return target

    return mark(fn) if fn is not None else mark


def consumer(name: str) -> Callable[[F], F]:
    """Mark the taker of the events that are emitted as `SERVICE.name`. A plain function shares a transaction with the
    deletion of the event."""
    return _marker("consumer", name)


def job(name: str) -> Callable[[F], F]:
    """Mark the function that runs the jobs scheduled as `SERVICE.name`; it returns the next due time (epoch seconds)
    or None."""
    return _marker("job", name)


def _marker(role: str, name: str) -> Callable[[F], F]:
    def mark(target: F) -> F:
        target.__cumulet__ = _Mark(role, name)  # type: ignore[attr-defined]
        return target

    return mark


def squash(name: str) -> str:
    """`put_bucket_acl` and `PutBucketAcl` alike: how a function's name meets an operation's, whatever its acronyms."""
    return name.replace("_", "").lower()


class Service:
    """A service: its name in botocore's words and the modules that hold its operations, consumers and jobs.

    `max_body` bounds bodies that are not streamed, in bytes. `start` is called once when the service is loaded, with the
    machine. `dataplane(kernel, request)` answers HTTP that is no AWS API call, under `/_cumulet/NAME/`.
    `access` says what each operation needs (access.py's TABLE).
    """

    def __init__(
        self,
        name: str,
        *modules: ModuleType,
        max_body: int = MAX_BODY,
        start: Callable[[Any], None] | None = None,
        dataplane: Callable[[Any, Request], Response | Awaitable[Response]] | None = None,
        access: Mapping[str, Access] | None = None,
    ) -> None:
        self.name = name
        self.max_body = max_body
        self.start = start
        self.dataplane = dataplane
        self.access_rows = {squash(operation): row for operation, row in (access or {}).items()}
        self.operations: dict[str, Handler] = {}
        self.consumers: dict[str, Callable[..., Any]] = {}
        self.jobs: dict[str, Callable[..., Any]] = {}
        for module in modules:
            for value in vars(module).values():
                mark = getattr(value, "__cumulet__", None)
                if isinstance(mark, _Mark) and value.__module__ == module.__name__:
                    self._register(mark, value)

    def _register(self, mark: _Mark, fn: Callable[..., Any]) -> None:
        if mark.role == "operation":
            name = squash(mark.name)
            self.operations[name] = Handler(mark.name, fn, _kind(fn), access=self.access_rows.get(name), **mark.options)
        elif mark.role == "consumer":
            self.consumers[mark.name] = fn
        else:
            self.jobs[mark.name] = fn

    def handler(self, operation_name: str) -> Handler | None:
        """The operation with AWS's name `operation_name`, or None where this service lacks it."""
        return self.operations.get(squash(operation_name))


def _kind(fn: Callable[..., Any]) -> Kind:
    if inspect.iscoroutinefunction(fn):
        return Kind.ASYNC
    return Kind.LONG_READ if inspect.isgeneratorfunction(fn) else Kind.SYNC
