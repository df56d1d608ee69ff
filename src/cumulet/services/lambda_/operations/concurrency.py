"""Reserved concurrency, and what an account has of everything.

Source: AWS Lambda API Reference, 'PutFunctionConcurrency' and 'GetAccountSettings'.
"""

from __future__ import annotations

from dataclasses import replace

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import errors, lookup, rules, state
from ..names import FunctionRef


def _unqualified(ctx: Context, req: Json) -> FunctionRef:
    ref = lookup.owned(ctx, req)
    if ref.qualifier:
        raise errors.invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
            "Please specify either a function name or an unqualified function ARN."
        )
    return ref


@operation
def put_function_concurrency(ctx: Context, req: Json) -> Json:
    """Reserve concurrency for a function, and let it have no more; 0 stops it."""
    ref = _unqualified(ctx, req)
    head = lookup.function(ctx.tx, ref)
    wanted: int = req["ReservedConcurrentExecutions"]
    sums = state.add_usage(ctx.tx, ref.at, reserved=wanted - (head.reserved or 0))
    if rules.CONCURRENCY - sums.reserved < rules.MIN_UNRESERVED:
        raise errors.invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{rules.MIN_UNRESERVED}]."
        )
    state.put_function(ctx.tx, ref.at, replace(head, reserved=wanted))
    return {"ReservedConcurrentExecutions": wanted}


@operation
def get_function_concurrency(ctx: Context, req: Json) -> Json:
    """The reserved concurrency, if any."""
    head = lookup.function(ctx.tx, _unqualified(ctx, req))
    return {} if head.reserved is None else {"ReservedConcurrentExecutions": head.reserved}


@operation
def delete_function_concurrency(ctx: Context, req: Json) -> Json:
    """Give reserved concurrency back."""
    ref = _unqualified(ctx, req)
    head = lookup.function(ctx.tx, ref)
    if head.reserved is not None:
        state.add_usage(ctx.tx, ref.at, reserved=-head.reserved)
        state.put_function(ctx.tx, ref.at, replace(head, reserved=None))
    return {}


@operation
def get_account_settings(ctx: Context, req: Json) -> Json:
    """Limits and use of the account in the region."""
    used = state.usage(ctx.tx, lookup.here(ctx))
    return {
        "AccountLimit": {
            "TotalCodeSize": rules.MAX_CODE_STORAGE,
            "CodeSizeUnzipped": rules.MAX_UNZIPPED,
            "CodeSizeZipped": rules.MAX_ZIPPED,
            "ConcurrentExecutions": rules.CONCURRENCY,
            "UnreservedConcurrentExecutions": rules.CONCURRENCY - used.reserved,
        },
        "AccountUsage": {"TotalCodeSize": used.code, "FunctionCount": used.functions},
    }
