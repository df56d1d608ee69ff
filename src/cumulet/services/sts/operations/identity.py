"""Who is it: the caller, or the owner of an access key."""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules


@operation(data=True)
def get_caller_identity(ctx: Context, _req: Json) -> Json:
    """Everybody who signs may ask. See STS API Reference, 'GetCallerIdentity'."""
    who = ctx.principal
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


@operation
def get_access_key_info(ctx: Context, req: Json) -> Json:
    """Only keys that this cloud has issued are known. See STS API Reference, 'GetAccessKeyInfo'."""
    key = credentials.lookup(ctx.tx, req["AccessKeyId"])
    if key is None:
        raise rules.validation(f"The access key {req['AccessKeyId']} was not issued here.")
    return {"Account": key.principal.account}
