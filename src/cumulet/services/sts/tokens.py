"""Tokens of identity providers. Source: STS API Reference, 'AssumeRoleWithWebIdentity'; RFC 7519.

A token needs a provider record for its issuer in the role's account, and its issuer's keys. Cumulet runs no issuer yet and
reaches none over the network, so every token ends in a refusal: the one that AWS has for what is wrong with it first.
"""

from __future__ import annotations

import base64
import binascii
from typing import NoReturn

import orjson

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context


def refuse(ctx: Context, token: str, account: str) -> NoReturn:
    """Raises InvalidIdentityToken, ExpiredTokenException."""
    claims = _claims(token)
    issuer = claims["iss"].removeprefix("https://").removesuffix("/")
    try:
        provider = ctx.call("iam", "ProviderOfTokens", {"Url": issuer}, account=account)
    except AwsError as err:
        if err.code != "NoSuchEntity":
            raise
        raise _invalid(f"No OpenIDConnect provider found in your account for https://{issuer}") from None
    audience = claims.get("aud")
    if not set(audience if isinstance(audience, list) else [audience]) & set(provider["ClientIDList"]):
        raise _invalid("Incorrect token audience")
    if claims["exp"] <= ctx.now:
        message = f"Token expired: current date/time {int(ctx.now)} must be before the expiration date/time {int(claims['exp'])}"
        raise AwsError("ExpiredTokenException", message, 400)
    raise _invalid(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
        "documentation for requirements"
    )


def _claims(token: str) -> Json:
    """What a token says of itself: `iss` is text, `exp` a number, `aud` text or texts."""
    parts = token.split(".")
    try:
        header, claims = (
            orjson.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
            for part in parts[:2]
        )
    except (binascii.Error, ValueError):
        raise _malformed() from None
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        raise _malformed()
    audience = claims.get("aud")
    texts = audience if isinstance(audience, list) else [audience]
    if not isinstance(claims.get("iss"), str) or not all(isinstance(text, str) for text in texts):
        raise _malformed()
    if not isinstance(claims.get("exp"), int | float):
        raise _invalid("Missing a required claim: exp")
    return claims


def _malformed() -> AwsError:
    return _invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message, 400)
