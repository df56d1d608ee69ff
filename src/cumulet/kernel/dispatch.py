"""The life of an AWS API call: claim, authenticate, parse, begin, authorise, check, run, commit, reply.

A call whose body is here and whose operation does not wait is answered within one callback of the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

from cumulet.auth.authenticate import Authentication, authenticate
from cumulet.auth.failures import family, unknown_key
from cumulet.auth.sigv4 import PayloadVerifier
from cumulet.base.context import DEFAULT_ACCOUNT, DEFAULT_REGION
from cumulet.base.errors import AwsError, Conflict, CumuletError, DiskFull, StoreError
from cumulet.base.ids import request_id, s3_request_id
from cumulet.base.messages import Body, BodyBroken, BodyTooLarge, BytesBody, Request, Response, StreamBody
from cumulet.base.types import Json
from cumulet.wire.catalog import CATALOG
from cumulet.wire.claim import Claim, ClaimError, claim
from cumulet.wire.compile import Operation, operation
from cumulet.wire.errors import fail, unknown_operation

from . import inline
from .context import MAX_ATTEMPTS, Context
from .kernel import Kernel
from .rights import alive
from .service import MAX_BODY, Handler, Kind

log = logging.getLogger(__name__)

UNKNOWN_KEY = frozenset(("InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"))
"""What a client hears whose access key nobody has made: mostly that of another cloud."""

MORTAL = frozenset(("user", "role", "federated"))
"""Callers that IAM can delete."""

LARGE = 128 * 1024
"""Bytes of a document beyond which it is parsed in a thread, so that the loop goes on."""

Decode = Callable[[Request, Any], Body]
"""Undo the aws-chunked framing of a request's body, checking each chunk with the verifier that authentication gave."""


class _Route(NamedTuple):
    """What every call of an operation shares."""

    op: Operation
    handler: Handler
    signing_name: str


class Dispatcher:
    """Answers AWS API calls. `decode` is the gateway's decoder of aws-chunked bodies."""

    def __init__(self, kernel: Kernel, decode: Decode) -> None:
        self.kernel = kernel
        self.decode = decode
        self.any_credentials = kernel.machine.settings.credentials == "any"
        self._routes: dict[tuple[str, str, str], _Route] = {}

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        """The response to `request`, at once where nothing has to be waited for. Never raises."""
        body = request.body
        if _is_form(request) and not (isinstance(body, BytesBody) and len(body.data) <= LARGE):
            return self._read_form(request)
        return self._claimed(request, claim)

    async def _read_form(self, request: Request) -> Response:
        try:
            request.body = BytesBody(await request.body.read(MAX_BODY))
        except CumuletError as err:
            return fail("query", "", as_aws(err, "query"), request_id())
        if len(request.body.data) <= LARGE:
            return await _settled(self._claimed(request, claim))
        claimed = asyncio.ensure_future(self.kernel.machine.offload(claim, request))
        await asyncio.wait([claimed])
        return await _settled(self._claimed(request, lambda _: claimed.result()))

    def _claimed(self, request: Request, claim: Callable[[Request], Claim]) -> Response | Awaitable[Response]:
        service, protocol = "s3", "rest-xml"
        try:
            what = claim(request)
            service, name, protocol = what[:3]
            request.id = s3_request_id() if service == "s3" else request_id()
            route = self._routes.get((service, name, protocol)) or self._route(service, name, protocol)
        except ClaimError as err:
            request.id = s3_request_id() if err.service == "s3" else request_id()
            return fail(err.protocol, err.service, err, request.id)
        except AwsError as err:
            return fail(protocol, service, err, request.id)
        except Exception:  # our bug: the client gets AWS's internal error, the log gets the trace
            request.id = request.id or s3_request_id()
            log.exception("%s %s could not be taken, request %s", request.method, request.path[:200], request.id)
            return fail(protocol, service, internal(protocol), request.id)
        call = _Call(self, request, what, route)
        try:
            return call.begin()
        except CumuletError as err:
            return call.failed(err)
        except Exception as err:  # as above
            return call.crashed(err)

    def _route(self, service: str, name: str, protocol: str) -> _Route:
        """The way of an operation that is called for the first time. Raises AwsError where there is none."""
        handler = self.kernel.registry.handler(service, name)
        if handler.internal:
            raise unknown_operation(service, protocol, name)
        route = _Route(operation(service, name, protocol), handler, CATALOG[service].signing_name)
        self._routes[service, name, protocol] = route
        return route


class _Call:
    """One call on its way."""

    __slots__ = ("check", "claim", "ctx", "dispatcher", "handler", "kernel", "op", "request", "signing_name")

    def __init__(self, dispatcher: Dispatcher, request: Request, what: Claim, route: _Route) -> None:
        self.dispatcher = dispatcher
        self.kernel = dispatcher.kernel
        self.request = request
        self.claim = what
        self.op, self.handler, self.signing_name = route
        self.check = self.op.check
        self.ctx: Context | None = None

    def begin(self) -> Response | Awaitable[Response]:
        request, kernel, what, op = self.request, self.kernel, self.claim, self.op
        machine = kernel.machine
        reader = machine.kv.begin()
        who = authenticate(
            reader,
            request,
            service=what.service,
            protocol=what.protocol,
            now=machine.clock.time(),
            any_credentials=self.dispatcher.any_credentials,
            unsigned=self.handler.anonymous,
            signing_name=self.signing_name,
        )
        principal = who.principal
        if principal.kind in MORTAL and not alive(reader, principal):
            # The user or role is gone, and with it every key that speaks for it.
            raise unknown_key(family(what.protocol, what.service), principal.access_key)
        account = DEFAULT_ACCOUNT if principal.kind == "anonymous" else principal.account
        self.ctx = Context(
            kernel, what.service, principal, account, what.region or DEFAULT_REGION, request.id, request, reader
        )
        self._unwrap(who)
        if op.input_stream is not None:
            return self._run(op.parse(request, what, b""))
        body = request.body
        if isinstance(body, BytesBody) and len(body.data) <= LARGE:
            return self._run(op.parse(request, what, body.data))
        return self._read_then_run()

    def _unwrap(self, who: Authentication) -> None:
        request = self.request
        content = request.headers.get("x-amz-content-sha256")
        if content is not None and content.startswith("STREAMING-"):
            request.body = self.dispatcher.decode(request, who.payload)
        elif isinstance(who.payload, PayloadVerifier) and not isinstance(request.body, BytesBody):
            request.body = StreamBody(_verified(request.body, who.payload), request.body.length)

    async def _read_then_run(self) -> Response:
        try:
            service = self.kernel.registry.service(self.claim.service)
            body = await self.request.body.read(service.max_body if service else MAX_BODY)
            self.request.body = BytesBody(body)
            if len(body) > LARGE:
                params = await self.kernel.machine.offload(self._parse_large, body)
            else:
                params = self.op.parse(self.request, self.claim, body)
            return await _settled(self._run(params))
        except CumuletError as err:
            return await _settled(self.failed(err))
        except Exception as err:  # as in __call__
            return self.crashed(err)

    def _parse_large(self, body: bytes) -> Json:
        """Parse and check in a thread; what is wrong is told in its turn, after the caller has been authorised."""
        params: Json = self.op.parse(self.request, self.claim, body)
        wrong: list[AwsError] = []
        try:
            self.op.check(params)
        except AwsError as err:
            wrong.append(err)

        def check(_: Json) -> None:
            if wrong:
                raise wrong[0]

        self.check = check
        return params

    def _run(self, params: Json) -> Response | Awaitable[Response]:
        ctx, handler = self.ctx, self.handler
        assert ctx is not None
        if handler.kind is Kind.SYNC:
            return self._reply(self._transact(ctx, params))
        self.kernel.authorise(ctx, handler, params)
        self.check(params)
        # An async operation is started as it is, without a coroutine around it: this is the path of every GET.
        running = handler.run(ctx, params) if handler.kind is Kind.ASYNC else self.kernel.drive(ctx, handler, params)
        done = inline.start(running)
        if isinstance(done, inline.Done):
            self._audit(ctx)
            return self._reply(done.value)
        return self._wait(done)

    def _transact(self, ctx: Context, params: Json) -> Json:
        handler, audit, name = self.handler, self.kernel.audit, self.claim.operation
        read: list[Json] = []

        def attempt(inside: Context) -> Json:
            read.clear()
            self.kernel.authorise(inside, handler, params)
            self.check(params)
            result: Json = handler.run(inside, params)
            if not handler.data:
                if not inside.tx.dirty:
                    read.append(result)
                audit.management(inside, name)
            return result

        for _ in range(MAX_ATTEMPTS):
            try:
                result = self.kernel.run(ctx, attempt)
            except Conflict:
                ctx = ctx.derive(ctx.service, ctx.principal, ctx.account, ctx.region)
            except StoreError as err:
                if not read:
                    raise
                # A full disk takes no record, and that is no reason not to answer what has only been read.
                log.warning("%s could not be recorded: %s", name, err)
                audit.data(ctx, name)
                return read[0]
            else:
                if handler.data:
                    audit.data(ctx, name)
                return result
        raise Conflict("the transaction lost every race")

    async def _wait(self, running: Awaitable[Json]) -> Response:
        try:
            result = await running
            assert self.ctx is not None
            self._audit(self.ctx)
            return await _settled(self._reply(result))
        except CumuletError as err:
            return await _settled(self.failed(err))
        except Exception as err:  # as in __call__
            return self.crashed(err)

    def _audit(self, ctx: Context) -> None:
        """Record an operation that has ended by itself, in its own transactions."""
        if self.handler.data:
            self.kernel.audit.data(ctx, self.claim.operation)
        else:
            self._record(ctx, None)

    def _record(self, ctx: Context, err: AwsError | None) -> None:
        """A management event in a transaction of its own. What was done or refused stays so, recorded or not."""
        apart = ctx.derive(ctx.service, ctx.principal, ctx.account, ctx.region)
        try:
            apart.transact(lambda inside: self.kernel.audit.management(inside, self.claim.operation, err))
        except CumuletError as broken:
            log.error("%s could not be recorded: %s", self.claim.operation, broken)
            self.kernel.audit.data(ctx, self.claim.operation, err)

    def _reply(self, result: Json | None) -> Response | Awaitable[Response]:
        return self._durably(self.op.reply(result or {}, self.request.id))

    def _durably(self, response: Response) -> Response | Awaitable[Response]:
        """The response, once what it tells of is on the disk (where that was asked for)."""
        pending = self.kernel.machine.kv.durable()
        return response if pending is None else self._after(pending, response)

    async def _after(self, pending: Awaitable[None], response: Response) -> Response:
        try:
            await pending
        except CumuletError as err:
            return self.op.fail(as_aws(err, self.claim.protocol), self.request.id)
        return response

    def failed(self, err: CumuletError) -> Response | Awaitable[Response]:
        """The answer to a call that was refused."""
        aws = as_aws(err, self.claim.protocol)
        if isinstance(err, BodyTooLarge) and self.claim.protocol != "rest-xml":
            service = self.kernel.registry.service(self.claim.service)
            limit = service.max_body if service else MAX_BODY
            aws.message = f"Request must be smaller than {limit} bytes for the {self.claim.operation} operation"
        if self.ctx is not None:
            self._audit_failure(self.ctx, aws)
        elif aws.code in UNKNOWN_KEY:
            log.warning('%s: type eval "$(cumulet env)", or start with --credentials any.', aws)
        return self._durably(self.op.fail(aws, self.request.id))

    def _audit_failure(self, ctx: Context, err: AwsError) -> None:
        if err.code.startswith("AccessDenied"):
            log.info("%s:%s denied, request %s: %s", ctx.service, self.claim.operation, ctx.request_id, err.message)
            self._record(ctx, err)
        else:
            self.kernel.audit.data(ctx, self.claim.operation, err)

    def crashed(self, err: Exception) -> Response:
        """The answer to a call that met a bug of ours."""
        log.error("%s:%s failed, request %s", self.claim.service, self.claim.operation, self.request.id, exc_info=err)
        return self.op.fail(internal(self.claim.protocol), self.request.id)


async def _verified(body: Body, verifier: PayloadVerifier) -> AsyncIterator[bytes]:
    async for chunk in body:
        verifier.feed(chunk)
        yield chunk
    verifier.finish()


async def _settled(answer: Response | Awaitable[Response]) -> Response:
    return answer if isinstance(answer, Response) else await answer


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def as_aws(err: CumuletError, protocol: str) -> AwsError:
    """What the client is told of an error that is not AWS's own."""
    if isinstance(err, AwsError):
        return err
    if isinstance(err, BodyTooLarge):
        if protocol == "rest-xml":
            return AwsError("MaxMessageLengthExceeded", "Your request was too big.", 400)
        return AwsError("RequestEntityTooLargeException", "Request body is too large.", 413)
    if isinstance(err, BodyBroken):
        if protocol == "rest-xml":
            return AwsError(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                400,
            )
        return AwsError("SerializationException", "The request body is incomplete.", 400)
    if isinstance(err, Conflict):
        return AwsError(
            "OperationAborted" if protocol == "rest-xml" else "ServiceUnavailable", "Please try again.", 503
        )
    if isinstance(err, StoreError):
        log.error("the store failed: %s", err)
    failure = internal(protocol)
    if isinstance(err, DiskFull):
        failure.message += " (Cumulet's disk is full: free some space and try again.)"
    return failure


def internal(protocol: str) -> AwsError:
    """AWS's words for a fault on its own side."""
    if protocol == "rest-xml":
        return AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
    return AwsError(
        "InternalFailure", "The request processing has failed because of an unknown error, exception or failure.", 500
    )
