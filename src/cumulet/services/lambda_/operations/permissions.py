"""Resource policies of functions. Source: AWS Lambda API Reference, 'AddPermission', 'RemovePermission', 'GetPolicy'."""

from __future__ import annotations

import json
from dataclasses import replace

from cumulet.base import ids
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import errors, lookup, policies, rules, state
from ..names import LATEST, FunctionRef
from ..state import Function, Version


def _target(ctx: Context, req: Json) -> tuple[FunctionRef, Function, Version]:
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref)
    return ref, head, lookup.version(ctx.tx, ref, head)


def _statements(ctx: Context, ref: FunctionRef, head: Function) -> list[Json]:
    policy = state.policy(ctx.tx, ref.at, head.id, ref.qualifier)
    return policy.statements if policy is not None else []


@operation
def add_permission(ctx: Context, req: Json) -> Json:
    """Let a service, an account or everyone invoke a function, or a version of it."""
    ref, head, version = _target(ctx, req)
    if ref.qualifier == LATEST:
        raise errors.invalid("We currently do not support adding policies for $LATEST.")
    lookup.revision(req, version, "GetPolicy")
    entry = policies.statement(req, ref.arn)
    statements = _statements(ctx, ref, head)
    if any(other["Sid"] == entry["Sid"] for other in statements):
        raise errors.conflict(
            f"The statement id ({entry['Sid']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    statements = [*statements, entry]
    size = len(policies.text(statements))
    if size > rules.MAX_POLICY:
        message = f"The final policy size ({size}) is bigger than the limit ({rules.MAX_POLICY})."
        raise AwsError("PolicyLengthExceededException", message, 400, members={"Type": "User"})
    state.put_policy(ctx.tx, ref.at, head.id, ref.qualifier, statements)
    _renew(ctx, ref, version)
    return {"Statement": json.dumps(entry, separators=(",", ":"))}


@operation
def remove_permission(ctx: Context, req: Json) -> Json:
    """Take a statement out of a policy."""
    ref, head, version = _target(ctx, req)
    statements = _statements(ctx, ref, head)
    if not statements:
        raise errors.not_found("No policy is associated with the given resource.")
    lookup.revision(req, version, "GetPolicy")
    rest = [entry for entry in statements if entry["Sid"] != req["StatementId"]]
    if len(rest) == len(statements):
        raise errors.not_found(f"Statement {req['StatementId']} is not found in resource policy.")
    state.put_policy(ctx.tx, ref.at, head.id, ref.qualifier, rest)
    _renew(ctx, ref, version)
    return {}


@operation
def get_policy(ctx: Context, req: Json) -> Json:
    """A resource policy as a JSON document."""
    ref, head, version = _target(ctx, req)
    statements = _statements(ctx, ref, head)
    if not statements:
        raise errors.not_found("The resource you requested does not exist.")
    return {"Policy": policies.text(statements), "RevisionId": version.config["RevisionId"]}


def _renew(ctx: Context, ref: FunctionRef, version: Version) -> None:
    """A policy belongs to the revision; workers stay."""
    state.put_version(ctx.tx, ref.at, replace(version, config={**version.config, "RevisionId": ids.request_id()}))
