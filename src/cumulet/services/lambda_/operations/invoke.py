"""Invoke, and what other services call instead of it. Source: AWS Lambda API Reference, 'Invoke'."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import orjson

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.store.api import Reader

from .. import asynchronous, errors, lookup, policies, rules, running, state
from ..names import FunctionRef
from ..state import Function, Version

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import InvocationRequestTypeDef

MAX_CLIENT_CONTEXT = 3583
"""Bytes of client context in base64."""
INLINE_JSON = 128 * 1024
"""Bytes of JSON that are checked on the loop; more takes a thread."""


@operation(data=True)
async def invoke(ctx: Context, req: InvocationRequestTypeDef) -> Json:
    """Run a function and wait for its answer, or have it run soon (Event), or only see whether it could (DryRun)."""
    request: Json = req  # type: ignore[assignment]
    kind = request.get("InvocationType") or "RequestResponse"
    ref = lookup.named(ctx, request)
    reader = ctx.machine.kv.begin()
    head, version = _find(ctx, reader, ref)
    if kind == "DryRun":
        return {"StatusCode": 204}
    payload: bytes = request.get("Payload") or b"{}"
    _refuse(request)
    await _check(ctx, payload, rules.MAX_ASYNC_PAYLOAD if kind == "Event" else rules.MAX_SYNC_PAYLOAD)
    if kind == "Event":
        ctx.transact(lambda inside: asynchronous.enqueue(inside, ref, head, payload, ctx.request_id))
        return {"StatusCode": 202, "Payload": b""}
    client_context = _client_context(request.get("ClientContext"))
    outcome = await running.run(
        ctx, ref, head, version, payload, request_id=ctx.request_id, client_context=client_context
    )
    out: Json = {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": version.label}
    if outcome.error is not None:
        out["FunctionError"] = outcome.error
    if request.get("LogType") == "Tail":
        out["LogResult"] = base64.b64encode(outcome.tail).decode()
    return out


def _find(ctx: Context, reader: Reader, ref: FunctionRef) -> tuple[Function, Version]:
    head = lookup.function(reader, ref)
    version = lookup.version(reader, ref, head)
    policies.authorise(ctx, reader, ref, head)
    return head, version


def _refuse(req: Json) -> None:
    if req.get("DurableExecutionName"):
        raise errors.missing("DurableExecutionName", "durable functions cannot run.")
    if req.get("TenantId"):
        raise errors.invalid("The function is not configured with tenant isolation: TenantId cannot be used.")


async def _check(ctx: Context, payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise errors.too_large(limit, "InvokeFunction")
    try:
        if len(payload) > INLINE_JSON:
            await ctx.offload(orjson.loads, payload)
        else:
            orjson.loads(payload)
    except orjson.JSONDecodeError as err:
        message = f"Could not parse request body into json: Could not parse payload into json: {err}"
        raise AwsError("InvalidRequestContentException", message, 400, members={"Type": "User"}) from err


def _client_context(text: str | None) -> str | None:
    """The client context as the function gets it: clients send it in base64."""
    if not text:
        return None
    if len(text) > MAX_CLIENT_CONTEXT:
        raise errors.invalid(f"The client context is longer than {MAX_CLIENT_CONTEXT} bytes.")
    try:
        raw = base64.b64decode(text, validate=True)
        orjson.loads(raw)
        return raw.decode()
    except (binascii.Error, ValueError) as err:
        message = "Could not parse client context: it is not JSON in base64"
        raise AwsError("InvalidRequestContentException", message, 400, members={"Type": "User"}) from err


@operation(internal=True)
def authorize_invoke(ctx: Context, req: Json) -> Json:
    """Could the caller invoke FunctionName? Raises ResourceNotFoundException or AccessDeniedException."""
    ref = lookup.named(ctx, req)
    _find(ctx, ctx.tx, ref)
    return {"FunctionArn": ref.arn}


@operation(internal=True)
def enqueue_invocation(ctx: Context, req: Json) -> Json:
    """Have FunctionName (with Qualifier) run with Payload (bytes of JSON) after the transaction has committed.

    Returns the invocation's RequestId. Raises AwsError as authorize_invoke does, and for a payload over 1 MB.
    """
    ref = lookup.named(ctx, req)
    head, _ = _find(ctx, ctx.tx, ref)
    payload: bytes = req.get("Payload") or b"{}"
    if len(payload) > rules.MAX_ASYNC_PAYLOAD:
        raise errors.too_large(rules.MAX_ASYNC_PAYLOAD, "InvokeFunction")
    return {"RequestId": asynchronous.enqueue(ctx, ref, head, payload)}


@operation(internal=True)
def list_dead_invocations(ctx: Context, req: Json) -> Json:
    """The newest asynchronous invocations of FunctionName that were given up."""
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref)
    return {"Invocations": state.dead(ctx.tx, ref.at, head.id, min(req.get("MaxItems") or 50, 100))}
