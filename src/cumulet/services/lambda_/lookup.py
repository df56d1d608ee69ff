"""From what a client named to the records: the function, the version, and whether the caller may touch them at all."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store.api import Reader

from . import errors, names, state
from .names import LATEST, FunctionRef, Place
from .state import Function, Version


def named(ctx: Context, req: Json) -> FunctionRef:
    """The function that a request names. Raises AwsError for malformed names."""
    return names.function(req["FunctionName"], req.get("Qualifier") or "", ctx.account, ctx.region)


def owned(ctx: Context, req: Json) -> FunctionRef:
    """The function that a request names, in the caller's own account. Raises AwsError."""
    ref = named(ctx, req)
    if ref.at.account != ctx.account:
        # Resource policies of other accounts let callers invoke, nothing else here.
        raise errors.denied(
            f"User: {ctx.principal.arn} is not authorized to perform this operation on resource: {ref.arn} "
            "because no resource-based policy allows it"
        )
    return ref


def function(reader: Reader, ref: FunctionRef) -> Function:
    """Its head. Raises AwsError ResourceNotFoundException."""
    head = state.function(reader, ref.at, ref.name)
    if head is None:
        raise errors.no_function(ref.arn)
    return head


def version(reader: Reader, ref: FunctionRef, head: Function) -> Version:
    """The version that its qualifier means. Raises AwsError ResourceNotFoundException."""
    qualifier = ref.qualifier
    if qualifier in ("", LATEST):
        number = 0
    elif qualifier.isdecimal() and len(qualifier) < 16:
        number = int(qualifier)
    else:
        raise errors.not_found(f"Cannot find alias arn: {ref.arn}")
    found = state.version(reader, ref.at, head.id, number)
    if found is None:
        raise errors.no_function(ref.arn)
    return found


def idle(ref: FunctionRef, latest: Version) -> None:
    """Check that no change is under way. Raises AwsError ResourceConflictException."""
    config = latest.config
    if config["State"] == "Pending":
        raise errors.conflict(
            f"The operation cannot be performed at this time. The function is currently in the following state: {config['State']}"
        )
    if config.get("LastUpdateStatus") == "InProgress":
        arn = names.function_arn(ref.at, ref.name)
        raise errors.conflict(
            f"The operation cannot be performed at this time. An update is in progress for resource: {arn}"
        )


def revision(req: Json, latest: Version, where: str = "GetFunction/GetAlias") -> None:
    """Check a request's RevisionId, where it has one. Raises AwsError PreconditionFailedException."""
    wanted = req.get("RevisionId")
    if wanted and wanted != latest.config["RevisionId"]:
        raise errors.precondition(where)


def here(ctx: Context) -> Place:
    """The caller's account and region."""
    return Place(ctx.account, ctx.region)
