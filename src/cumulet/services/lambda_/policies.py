"""Resource policies: who, beside the function's own account, may invoke it.

Source: AWS Lambda Developer Guide, 'Viewing resource-based IAM policies in Lambda'.
"""

from __future__ import annotations

import json
import re

from cumulet.auth.policy.evaluate import allows
from cumulet.auth.policy.parse import load
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store.api import Reader

from . import errors, state
from .names import FunctionRef
from .state import Function

INVOKE = "lambda:InvokeFunction"
_BAD_PRINCIPAL = "The provided principal was invalid. Please check the principal and try again."
_SERVICE = re.compile(r"[a-z0-9.-]+\.(?:amazonaws|amazon|alexa)\.com(?:\.cn)?")
_ACCOUNT = re.compile(r"\d{12}")
_IDENTITY = re.compile(r"arn:aws[a-zA-Z-]*:(?:iam|sts)::\d{12}:(?:root|(?:user|role|assumed-role|federated-user)/\S+)")


def statement(req: Json, resource: str) -> Json:
    """The statement that AddPermission makes of a request. Raises AwsError for a principal that is none."""
    out: Json = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(req["Principal"]),
        "Action": req["Action"],
        "Resource": resource,
    }
    equals: Json = {}
    condition: Json = {}
    for parameter, key in (
        ("SourceAccount", "AWS:SourceAccount"),
        ("EventSourceToken", "lambda:EventSourceToken"),
        ("FunctionUrlAuthType", "lambda:FunctionUrlAuthType"),
        ("PrincipalOrgID", "aws:PrincipalOrgID"),
    ):
        if req.get(parameter):
            equals[key] = req[parameter]
    if equals:
        condition["StringEquals"] = equals
    if req.get("InvokedViaFunctionUrl") is not None:
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": "true" if req["InvokedViaFunctionUrl"] else "false"}
    if req.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": req["SourceArn"]}
    if condition:
        out["Condition"] = condition
    try:
        load(state.document([out]), "resource")
    except AwsError as err:
        raise errors.invalid(_BAD_PRINCIPAL if "rincipal" in err.message else err.message) from err
    return out


def _principal(text: str) -> str | Json:
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _IDENTITY.fullmatch(text):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise errors.invalid(_BAD_PRINCIPAL)


def text(statements: list[Json]) -> str:
    """A policy as GetPolicy prints it."""
    return json.dumps(state.document(statements), separators=(",", ":"))


def authorise(ctx: Context, reader: Reader, ref: FunctionRef, head: Function, action: str = INVOKE) -> None:
    """May the caller do `action` with a function? Callers of its own account may; others need its resource policy. Raises AwsError."""
    who = ctx.principal
    if who.kind != "service" and who.account == ref.at.account:
        return
    policy = state.policy(reader, ref.at, head.id, ref.qualifier)
    if policy is None or not allows(policy.compiled, action, ref.arn, who):
        raise errors.denied(
            f"User: {who.arn} is not authorized to perform: {action} on resource: {ref.arn} "
            f"because no resource-based policy allows the {action} action"
        )
