"""The kernel's one question to this layer: who sent this request?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cumulet.base.context import ANONYMOUS, DEFAULT_ACCOUNT, Principal, root
from cumulet.base.messages import Request
from cumulet.store.api import Reader

from . import credentials, failures, sigv2, sigv4
from .scope import check_service

if TYPE_CHECKING:
    from .credentials import AccessKey
    from .failures import Family
    from .payload import ChunkVerifier, PayloadVerifier
    from .sigv4 import Signature


@dataclass(slots=True)
class Authentication:
    """Who is calling, and what must still watch the body while it is read (None: nothing).

    A PayloadVerifier gets the raw body by `feed` and then `finish`; a ChunkVerifier gets an aws-chunked body's chunks.
    Both raise AwsError. Nothing may take effect before they have seen the body's end.
    """

    principal: Principal
    signature: Signature | None
    payload: PayloadVerifier | ChunkVerifier | None


_NOBODY = Authentication(ANONYMOUS, None, None)


def authenticate(
    reader: Reader,
    request: Request,
    *,
    service: str,
    protocol: str,
    now: float,
    any_credentials: bool = False,
    unsigned: bool = False,
    signing_name: str | None = None,
) -> Authentication:
    """Verify who sent `request`. Raises AwsError in the service's own words.

    `service` is botocore's folder name, `now` epoch seconds. `any_credentials`: pairs that nobody issued are taken as
    the root of the default account (or of the account that their id names), unverified. `unsigned`: the operation may
    be called without a signature, as every S3 operation may; the caller is ANONYMOUS then. `signing_name`, where
    given, must be the scope's service.
    """
    family = failures.family(protocol, service)
    signature = sigv4.read(request, family)
    if signature is None:
        if family == "s3" and sigv2.claimed(request.query):
            return _sigv2(reader, request, now, any_credentials)
        if family == "s3" or unsigned:
            return _NOBODY
        raise failures.missing_token(family)
    scope = signature.scope
    if signing_name is not None and scope.service != signing_name:
        check_service(scope, signing_name, family, presigned=signature.kind == "presigned")
    key = credentials.lookup(reader, scope.access_key)
    if any_credentials and (key is None or key.builtin):
        principal = key.principal if key is not None else root(DEFAULT_ACCOUNT, scope.access_key)
        return Authentication(principal, signature, _unverified_payload(request, signature, family))
    sigv4.check_time(signature, now, family)
    known = _usable(key, scope.access_key, signature.token, now, family)
    sigv4.check_headers(request, signature, family)
    return Authentication(known.principal, signature, sigv4.verify(request, signature, known.secret, family))


def _usable(key: AccessKey | None, access_key: str, token: str | None, now: float, family: Family) -> AccessKey:
    """The key, if it may sign at all: active, with the token that belongs to it, not expired."""
    if key is None or key.status != "Active":
        raise failures.unknown_key(family, access_key)
    if not key.temporary:
        # The default keys are ours, not AWS's: a leftover AWS_SESSION_TOKEN beside them does no harm.
        if token and not key.builtin:
            raise failures.wrong_token(family, token)
        return key
    if not token:
        raise failures.unknown_key(family, access_key)
    if not key.accepts(token):
        raise failures.wrong_token(family, token)
    if key.expires is not None and now >= key.expires:
        raise failures.expired_token(family, token)
    return key


def _unverified_payload(request: Request, signature: Signature, family: Family) -> PayloadVerifier | None:
    # Nobody's secret can be checked here, but a digest still tells a damaged upload from a whole one.
    return sigv4.digest_check(request, signature.content, family) if signature.content else None


def _sigv2(reader: Reader, request: Request, now: float, any_credentials: bool) -> Authentication:
    url = sigv2.read(request)
    key = credentials.lookup(reader, url.access_key)
    if any_credentials and (key is None or key.builtin):
        return Authentication(key.principal if key is not None else root(DEFAULT_ACCOUNT, url.access_key), None, None)
    sigv2.check_time(url, now)
    known = _usable(key, url.access_key, url.token, now, "s3")
    sigv2.verify(request, url, known.secret)
    return Authentication(known.principal, None, None)
