"""Execution roles: may Lambda assume this one, and the credentials that workers get from it."""

from __future__ import annotations

from cumulet.auth import grants
from cumulet.base import context as principals
from cumulet.base.arn import parse
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store.api import Reader

from . import errors, rules
from .names import FunctionRef, Place, function_arn

SERVICE = "lambda.amazonaws.com"
SECONDS = 3600
REFUSED = "The role defined for the function cannot be assumed by Lambda."


def check(ctx: Context, ref: FunctionRef, role: str) -> None:
    """Check, inside a transaction, that Lambda may assume the role. Raises AwsError."""
    rules.role(role, ref.at.account)
    # The credentials of this trial go with its transaction, which nobody merges.
    trial = ctx.derive(ctx.service, ctx.principal, ctx.account, ctx.region)
    trial.bind(ctx.tx.child())
    try:
        _issue(trial, ref.at, ref.name, role)
    except AwsError as err:
        raise _told(err, errors.invalid(REFUSED)) from err


def credentials(ctx: Context, at: Place, name: str, role: str) -> dict[str, str]:
    """Temporary credentials of the role as a worker's environment variables, in a transaction of their own. Raises AwsError."""
    try:
        issued = ctx.transact(lambda inside: _issue(inside, at, name, role))
    except AwsError as err:
        raise _told(err, errors.denied(REFUSED)) from err
    return {
        "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
        "AWS_SESSION_TOKEN": issued["SessionToken"],
    }


def session(reader: Reader, role: str, name: str) -> Principal | None:
    """The role's session as it would call on its own; None where there is no such role."""
    arn = parse(role)
    role_name = role.rpartition("/")[2]
    found = grants.of(reader, arn.account, "role", role_name) if arn is not None else None
    if arn is None or found is None:
        return None
    session_arn = f"arn:aws:sts::{arn.account}:assumed-role/{role_name}/{name}"
    return Principal("role", arn.account, session_arn, f"{found.id}:{name}", role_name, session=name)


def _told(err: AwsError, instead: AwsError) -> AwsError:
    return (
        instead
        if err.code in ("AccessDenied", "AccessDeniedException", "NoSuchEntity", "NoSuchEntityException")
        else err
    )


def _issue(ctx: Context, at: Place, name: str, role: str) -> Json:
    caller = principals.service(SERVICE, at.account, function_arn(at, name))
    wanted = {"RoleArn": role, "RoleSessionName": name, "DurationSeconds": SECONDS}
    return ctx.call("sts", "IssueServiceCredentials", wanted, principal=caller, account=at.account, region=at.region)
