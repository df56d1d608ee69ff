"""What other services ask of IAM."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


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
