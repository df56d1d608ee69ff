"""What other services ask of IAM."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state, totp


@operation(internal=True, data=True)
def role_for_trust(ctx: Context, req: Json) -> Json:
    """For STS: the role of `RoleArn`, in the account that the call is made in.

    Returns RoleName, RoleId, Arn, Path, MaxSessionDuration, AssumeRolePolicyDocument (its text) and Tags. Raises
    NoSuchEntity.
    """
    arn = req["RoleArn"]
    name = arn.rpartition("/")[2]
    role = state.entity(ctx, "role", name)
    if role is None or rules.make_arn(ctx, "role", role) != arn:
        raise rules.missing(f"The role with name {name} cannot be found.")
    return {
        "RoleName": role["name"],
        "RoleId": role["id"],
        "Arn": arn,
        "Path": role["path"],
        "MaxSessionDuration": role["duration"],
        "AssumeRolePolicyDocument": role["trust"],
        "Tags": role["tags"],
    }


@operation(internal=True, data=True)
def policies_for_session(ctx: Context, req: Json) -> Json:
    """For STS: the managed policies of `PolicyArns` are to cap a session. They must exist, and the kernel gets to know AWS's own.

    Raises NoSuchEntity, InvalidInput.
    """
    for arn in req["PolicyArns"]:
        authority.use(ctx, arn, rules.existing_policy(ctx, arn, "Policy {} does not exist or is not attachable."))
    return {}


@operation(internal=True, data=True)
def check_token_code(ctx: Context, req: Json) -> Json:
    """For STS: a one-time password of the device `SerialNumber`, which the calling user has enabled. Each is good for once.

    Raises AccessDenied.
    """
    user = state.entity(ctx, "user", ctx.principal.name) if ctx.principal.kind == "user" else None
    serial = req.get("SerialNumber", "")
    if user is not None and state.part(ctx, "device", user["id"], serial) is not None:
        device = rules.existing_device(ctx, serial)
        used = totp.verify(device["seed"], req.get("TokenCode", ""), ctx.now, device["used"])
        if used is not None:
            state.put(ctx, "mfa", {**device, "used": used})
            return {}
    raise AwsError("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", 403)


@operation(internal=True, data=True)
def provider_of_tokens(ctx: Context, req: Json) -> Json:
    """For STS: the OpenID Connect provider of the tokens that `Url` (without `https://`) issues: Arn, ClientIDList.

    Raises NoSuchEntity.
    """
    record = rules.existing(ctx, "oidc-provider", req["Url"])
    return {"Arn": rules.make_arn(ctx, "oidc-provider", record), "ClientIDList": record["clients"]}
