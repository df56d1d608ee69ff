"""Who is it: the caller, or the owner of an access key; and what a refusal was about."""

from __future__ import annotations

from cumulet.auth import credentials
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import messages, state


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
        raise AwsError("ValidationError", f"The access key {req['AccessKeyId']} was not issued here.", 400)
    return {"Account": key.principal.account}


@operation
def decode_authorization_message(ctx: Context, req: Json) -> Json:
    """Of a refusal in the caller's account. See STS API Reference, 'DecodeAuthorizationMessage'."""
    text = messages.opened(req["EncodedMessage"], ctx.account, state.secret(ctx))
    if text is None:
        raise AwsError("InvalidAuthorizationMessageException", "Message is not valid", 400)
    return {"DecodedMessage": text}


@operation(internal=True, data=True)
def encode_authorization_message(ctx: Context, req: Json) -> Json:
    """For services whose refusals carry an encoded message: `DecodedMessage` (JSON text) becomes EncodedMessage."""
    return {"EncodedMessage": messages.sealed(req["DecodedMessage"], ctx.account, state.secret(ctx))}
