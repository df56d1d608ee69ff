"""The context of one call: who calls, where, when, in which transaction; and the ways to reach the rest of the
cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cumulet.base.context import Principal
from cumulet.base.errors import AwsError, Conflict
from cumulet.base.messages import Request
from cumulet.base.types import Json
from cumulet.store.api import Reader, Tx

from .access import Check, Keys
from .authorise import Judged, judge
from .service import Kind

if TYPE_CHECKING:
    from .kernel import Kernel
    from .machine import Machine

P = ParamSpec("P")
T = TypeVar("T")

MAX_ATTEMPTS = 8


class Context:
    """What an operation, a consumer or a job gets as its first argument.

    `now` (epoch seconds) is fixed for one attempt. `tx` exists inside a transaction only: always in a plain operation,
    in an async one inside `transact`. `request` is the HTTP request where the call came from outside.
    """

    __slots__ = (
        "_reader",
        "_tx",
        "account",
        "events",
        "kernel",
        "machine",
        "now",
        "principal",
        "region",
        "request",
        "request_id",
        "service",
        "verdicts",
    )

    def __init__(
        self,
        kernel: Kernel,
        service: str,
        principal: Principal,
        account: str,
        region: str,
        request_id: str,
        request: Request | None = None,
        reader: Tx | None = None,
    ) -> None:
        """`reader`: a transaction that has only read so far, to read or to begin with."""
        self.kernel = kernel
        self.machine: Machine = kernel.machine
        self.service = service
        self.principal = principal
        self.account = account
        self.region = region
        self.request_id = request_id
        self.request = request
        self.now: float = self.machine.clock.time()
        self.events: list[tuple[bytes, Json]] = []
        self.verdicts: list[Judged] = []
        """What was decided about this call's caller, for the audit."""
        self._tx: Tx | None = None
        self._reader = reader

    @property
    def tx(self) -> Tx:
        if self._tx is None:
            raise RuntimeError("no transaction here: an async operation opens its own with ctx.transact")
        return self._tx

    def derive(self, service: str, principal: Principal, account: str, region: str) -> Context:
        """A context for a call that this one makes: same request id, same HTTP request, same verdicts, no transaction."""
        made = Context(self.kernel, service, principal, account, region, self.request_id, self.request)
        made.verdicts = self.verdicts
        return made

    # transactions

    def transact(self, fn: Callable[[Context], T]) -> T:
        """Run `fn(ctx)` in a transaction of its own and commit it; run it again where it lost a race. Not inside a
        transaction."""
        if self._tx is not None:
            raise RuntimeError("transact inside a transaction: use ctx.call or ctx.tx.child()")
        for _ in range(MAX_ATTEMPTS):
            attempt = self.derive(self.service, self.principal, self.account, self.region)
            try:
                return self.kernel.run(attempt, fn)
            except Conflict:
                continue
        raise Conflict("the transaction lost every race")

    def bind(self, tx: Tx) -> None:
        """Enter a transaction: for the kernel."""
        self._tx = tx

    @property
    def reader(self) -> Reader:
        """The committed state, for async operations. What is read here is not guarded: read again in `transact` what matters."""
        if self._reader is None:
            self._reader = self.machine.kv.begin()
        return self._reader

    def begin(self) -> Tx:
        """Enter the transaction to run in: the one that was lent, where nobody has used it, else a new one. For the
        kernel."""
        tx = self._tx = self._reader or self.machine.kv.begin()
        self._reader = None
        return tx

    # the caller's rights

    @property
    def readable(self) -> Reader:
        """What can be read here: the transaction where there is one, else the committed state."""
        return self._tx if self._tx is not None else self.reader

    def refusal(self, action: str, resource: str, keys: Keys | None = None) -> AwsError | None:
        """None where the caller may do `action` to `resource`, else AWS's error: for what an operation judges piece by piece."""
        return judge(self, Check(action, resource, keys or {}))

    # the rest of the cloud

    def emit(self, kind: str, detail: Json) -> None:
        """Say what must happen after this transaction has committed, to the consumer `SERVICE.name` that `kind`
        names."""
        self.kernel.outbox.add(self, kind, detail)

    def schedule(self, kind: str, detail: Json, due: float, *, job_id: str | None = None) -> str:
        """Have the job `SERVICE.name` that `kind` names run at `due` (epoch seconds). A job of the same id is
        replaced. Returns the id."""
        return self.kernel.jobs.schedule(self, kind, detail, due, job_id)

    def cancel(self, job_id: str) -> None:
        """Forget a scheduled job; nothing happens where there is none."""
        self.kernel.jobs.cancel(self.tx, job_id)

    def call(
        self,
        service: str,
        operation: str,
        params: Json,
        *,
        principal: Principal | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> Json:
        """Call a synchronous operation of a service inside this transaction.

        An AwsError of the callee drops only the callee's writes. `principal` is who calls (by default whoever called
        us); give `base.context.service(...)` where the service acts on its own behalf.
        """
        handler = self.kernel.registry.handler(service, operation)
        if handler.kind is not Kind.SYNC:
            raise RuntimeError(f"{service}:{operation} waits or streams: a transaction cannot call it")
        child = self._callee(service, principal, account, region)
        child.now = self.now
        nested = self.tx.child()
        child.bind(nested)
        self.kernel.authorise(child, handler, params)
        result: Json = handler.run(child, params) or {}
        nested.merge()
        self.events.extend(child.events)
        return result

    async def acall(
        self,
        service: str,
        operation: str,
        params: Json,
        *,
        principal: Principal | None = None,
        account: str | None = None,
        region: str | None = None,
    ) -> Json:
        """Call any operation of a service from outside a transaction; a synchronous one gets a transaction of its
        own."""
        handler = self.kernel.registry.handler(service, operation)
        child = self._callee(service, principal, account, region)
        if handler.kind is Kind.SYNC:
            return child.transact(lambda ctx: _authorised(ctx, handler, params)) or {}
        self.kernel.authorise(child, handler, params)
        result: Json = await self.kernel.drive(child, handler, params)
        return result or {}

    def _callee(self, service: str, principal: Principal | None, account: str | None, region: str | None) -> Context:
        where = self.region if region is None else region
        return self.derive(service, principal or self.principal, account or self.account, where)

    async def offload(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a computation in a thread."""
        return await self.machine.offload(fn, *args, **kwargs)


def _authorised(ctx: Context, handler: Any, params: Json) -> Json:
    ctx.kernel.authorise(ctx, handler, params)
    result: Json = handler.run(ctx, params)
    return result
