"""Who may assume a role, for how long, with what: in STS's words.

Sources: STS API Reference, 'AssumeRole'; IAM User Guide, 'Passing session policies', 'Passing session tags'.
"""

from __future__ import annotations

from math import ceil

from cumulet.auth.policy.evaluate import allows
from cumulet.auth.policy.parse import parse
from cumulet.base import arn
from cumulet.base.context import Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context

DEFAULT_SECONDS = 3600
CHAINED_SECONDS = 3600
_PACKED = 2048
_MAX_POLICIES = 10


def validation(message: str) -> AwsError:
    """ValidationError."""
    return AwsError("ValidationError", message, 400)


def denied(principal: Principal, action: str, resource: str) -> AwsError:
    """AccessDenied."""
    return AwsError(
        "AccessDenied", f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}", 403
    )


def trusted_role(ctx: Context, req: Json) -> Json:
    """The role that a request names, as iam:RoleForTrust gives it, if its trust policy lets the caller in.

    Raises AccessDenied for a role that refuses and for one that does not exist: the caller cannot tell which.
    """
    role_arn = req["RoleArn"]
    parts = arn.parse(role_arn)
    if parts is None or parts.service != "iam" or not parts.resource.startswith("role/"):
        raise validation(f"{role_arn} is invalid")
    try:
        role = ctx.call("iam", "RoleForTrust", {"RoleArn": role_arn}, account=parts.account)
    except AwsError as err:
        if err.code != "NoSuchEntity":
            raise
        raise denied(ctx.principal, "sts:AssumeRole", role_arn) from None
    trust = parse(role["AssumeRolePolicyDocument"], "trust")
    keys = _condition_keys(req)
    for action in _actions(req):
        if not allows(trust, action, role_arn, ctx.principal, keys):
            raise denied(ctx.principal, action, role_arn)
    return {**role, "Account": parts.account}


def _actions(req: Json) -> list[str]:
    actions = ["sts:AssumeRole"]
    if req.get("Tags"):
        actions.append("sts:TagSession")
    if req.get("SourceIdentity"):
        actions.append("sts:SetSourceIdentity")
    return actions


def _condition_keys(req: Json) -> dict[str, list[str]]:
    keys = {"sts:rolesessionname": [req["RoleSessionName"]]}
    if "ExternalId" in req:
        keys["sts:externalid"] = [req["ExternalId"]]
    if "SourceIdentity" in req:
        keys["sts:sourceidentity"] = [req["SourceIdentity"]]
    if req.get("TransitiveTagKeys"):
        keys["sts:transitivetagkeys"] = list(req["TransitiveTagKeys"])
    tags = req.get("Tags") or []
    if tags:
        keys["aws:tagkeys"] = [tag["Key"] for tag in tags]
    for tag in tags:
        keys[f"aws:requesttag/{tag['Key'].lower()}"] = [tag["Value"]]
    return keys


def seconds(ctx: Context, req: Json, role: Json) -> int:
    """How long a session lasts. Raises ValidationError."""
    wanted: int = req.get("DurationSeconds", DEFAULT_SECONDS)
    if wanted > role["MaxSessionDuration"]:
        raise validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    if ctx.principal.kind == "role" and wanted > CHAINED_SECONDS:
        raise validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    return wanted


def brought(req: Json) -> tuple[Json, int | None]:
    """What a session brings along, checked, and how many per cent of what is allowed that takes (None: it brings nothing).

    Raises MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError.
    """
    if req.get("SerialNumber") or req.get("TokenCode"):
        raise AwsError("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403)
    if req.get("ProvidedContexts"):
        raise AwsError("NotImplemented", "Cumulet does not implement the parameter ProvidedContexts yet.", 501)
    names = ("Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity")
    session = {name: req[name] for name in names if req.get(name)}
    if "Policy" in session:
        parse(session["Policy"], "identity")
    if len(session.get("PolicyArns", ())) > _MAX_POLICIES:
        raise validation(f"A session can have at most {_MAX_POLICIES} managed policies.")
    keys = [tag["Key"].lower() for tag in session.get("Tags", ())]
    if len(keys) != len(set(keys)):
        raise AwsError(
            "InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    return session, _packed(session)


def _packed(session: Json) -> int | None:
    size = len(session.get("Policy", ""))
    size += sum(len(policy.get("arn", "")) for policy in session.get("PolicyArns", ()))
    size += sum(len(tag["Key"]) + len(tag["Value"]) for tag in session.get("Tags", ()))
    if not size:
        return None
    if size > _PACKED:
        part = ceil(100 * size / _PACKED)
        raise AwsError(
            "PackedPolicyTooLarge", f"Packed policy consumes {part}% of allotted space, please use smaller policy.", 400
        )
    return ceil(100 * size / _PACKED)
