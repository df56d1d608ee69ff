"""Asynchronous invocations: queued with the transaction that asks for them, retried as AWS does, kept as dead letters in the end.

Source: AWS Lambda Developer Guide, 'How Lambda handles errors and retries with asynchronous invocation'.
"""

from __future__ import annotations

import logging

from cumulet.base import ids
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.outbox import Dead, Retry
from cumulet.kernel.service import consumer
from cumulet.run.functions import Outcome
from cumulet.store.api import Reader

from . import configuration, lookup, running, state
from .names import FunctionRef, Place
from .state import Function

log = logging.getLogger(__name__)

INLINE = 128 * 1024
"""Bytes of payload that travel in the event itself; JSON within JSON may double, and a record holds 1 MiB."""
MAX_AGE = 6 * 3600.0
"""Seconds that an event waits for concurrency."""
FIRST_THROTTLE, LAST_THROTTLE = 1.0, 300.0
KEEP_DEAD = 14 * 86400.0
# What Lambda retries for as long as the event lives; the function had no part in it.
_PASSING = ("TooManyRequestsException", "ServiceException", "ResourceConflictException")


def enqueue(
    ctx: Context,
    ref: FunctionRef,
    head: Function,
    payload: bytes,
    request_id: str = "",
) -> str:
    """Have a function run after this transaction has committed. Returns the invocation's request id."""
    request_id = request_id or ids.request_id()
    detail: Json = {
        "Account": ref.at.account,
        "Region": ref.at.region,
        "Name": ref.name,
        "Qualifier": ref.qualifier,
        "Function": head.id,
        "RequestId": request_id,
        "Since": ctx.now,
        "Errors": 0,
        "Throttles": 0,
    }
    if len(payload) > INLINE:
        state.put_payload(ctx.tx, ref.at, request_id, payload)
    else:
        detail["Payload"] = payload.decode()
    ctx.emit("lambda.invoke", detail)
    return request_id


@consumer("invoke")
async def invoke(ctx: Context, detail: Json) -> None:
    """Run one asynchronous invocation. Raises Retry for another attempt; else it is settled: done, dead or nobody's any more."""
    ref = FunctionRef(Place(detail["Account"], detail["Region"]), detail["Name"], detail["Qualifier"])
    reader = ctx.machine.kv.begin()
    head = state.function(reader, ref.at, ref.name)
    if head is None or head.id != detail["Function"]:
        log.info("an event for the deleted function %s is dropped", ref.arn)
        _settle(ctx, ref, detail, None)
        return
    payload = _payload(reader, ref, detail)
    try:
        version = lookup.version(reader, ref, head)
        outcome = await running.run(ctx, ref, head, version, payload, request_id=detail["RequestId"])
    except AwsError as err:
        _refused(ctx, ref, head, detail, payload, err)
        return
    # What the invocation has printed must not be lost once its event is gone.
    await ctx.kernel.last_words()
    if outcome.error is None:
        _settle(ctx, ref, detail, None)
        return
    _failed(ctx, ref, detail, payload, outcome)


def _payload(reader: Reader, ref: FunctionRef, detail: Json) -> bytes:
    if "Payload" in detail:
        text: str = detail["Payload"]
        return text.encode()
    return state.payload(reader, ref.at, detail["RequestId"]) or b"{}"


def _refused(ctx: Context, ref: FunctionRef, head: Function, detail: Json, payload: bytes, err: AwsError) -> None:
    """The function never ran. One that is stopped by a reserved concurrency of 0 gets no second chance, as in AWS."""
    passing = err.code in _PASSING and head.reserved != 0
    if passing and ctx.now - detail["Since"] < MAX_AGE:
        delay = min(FIRST_THROTTLE * 2 ** min(detail["Throttles"], 16), LAST_THROTTLE)
        raise Retry(delay, {**detail, "Throttles": detail["Throttles"] + 1}) from err
    condition = "EventAgeExceeded" if passing else "RetriesExhausted"
    _settle(ctx, ref, detail, _letter(ctx, detail, payload, condition, f"{err.code}: {err.message}"))


def _failed(ctx: Context, ref: FunctionRef, detail: Json, payload: bytes, outcome: Outcome) -> None:
    """The function ran and failed."""
    delays = ctx.machine.settings.lambda_retry_delays
    tries = detail["Errors"]
    if tries < len(delays):
        raise Retry(delays[tries], {**detail, "Errors": tries + 1})
    answer = outcome.payload[: 64 * 1024].decode("utf-8", "replace")
    _settle(ctx, ref, detail, _letter(ctx, detail, payload, "RetriesExhausted", answer))


def _letter(ctx: Context, detail: Json, payload: bytes, condition: str, answer: str) -> Json:
    """A dead letter. Payloads beyond what travels in an event are cut: a record holds 1 MiB."""
    return {
        "RequestId": detail["RequestId"],
        "Condition": condition,
        "ApproximateInvokeCount": detail["Errors"] + 1,
        "Timestamp": configuration.timestamp(ctx.now),
        "Qualifier": detail["Qualifier"],
        "RequestPayload": payload[:INLINE].decode("utf-8", "replace"),
        "ResponsePayload": answer,
    }


def _settle(ctx: Context, ref: FunctionRef, detail: Json, letter: Json | None) -> None:
    if letter is None and "Payload" in detail:
        return

    def settle(inside: Context) -> None:
        if "Payload" not in detail:
            state.drop_payload(inside.tx, ref.at, detail["RequestId"])
        if letter is not None:
            state.put_dead(inside.tx, ref.at, detail["Function"], inside.now, detail["RequestId"], letter, KEEP_DEAD)

    ctx.transact(settle)
    if letter is not None:
        given_up = f"asynchronous invocation {detail['RequestId']} of {ref.arn} is given up ({letter['Condition']})"
        log.warning(given_up)
        raise Dead(given_up)
