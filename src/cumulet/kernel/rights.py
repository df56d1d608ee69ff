"""What speaks for and against a caller: gathered from the records that IAM and STS write for the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cumulet.auth import credentials, grants
from cumulet.auth.credentials import AccessKey
from cumulet.auth.grants import Grants, Named
from cumulet.auth.policy import parse
from cumulet.auth.policy.authorise import NO_AUTHORITY, Authority
from cumulet.base.context import Principal
from cumulet.store.api import Reader

_EVERYTHING: Final = (
    Named(
        "root",
        parse.load(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}, "identity"
        ),
    ),
)


def authority(reader: Reader, principal: Principal) -> Authority:
    """Everything that IAM says of a user, a role's session or a federated user."""
    key = _key(reader, principal)
    session = _session(reader, key)
    if principal.kind == "federated" and key is not None and key.issuer == principal.account:
        # Whom the root has sent has all of the root's rights that the session's policies let through.
        return Authority(_EVERYTHING, None, session)
    found = grants_of(reader, principal)
    if found is None:
        return NO_AUTHORITY
    boundary = _managed(reader, [found.boundary]) if found.boundary is not None else None
    return Authority(_identity(reader, principal.account, found), boundary, session)


def alive(reader: Reader, principal: Principal) -> bool:
    """Whether whoever the principal speaks for is still there: with a user or a role go all keys that speak for it."""
    if principal.kind == "federated":
        key = _key(reader, principal)
        if key is not None and key.issuer == principal.account:
            return True
    return grants_of(reader, principal) is not None


def grants_of(reader: Reader, principal: Principal) -> Grants | None:
    """The grants of the user or role behind a principal; None where it is gone, even if a namesake is there."""
    kind: grants.Kind = "role" if principal.kind == "role" else "user"
    found = grants.of(reader, principal.account, kind, principal.name)
    if found is None:
        return None
    if principal.kind == "federated":
        key = _key(reader, principal)
        return found if key is not None and key.issuer == found.id else None
    # A role's session is known as `AROA…:session`, a user's temporary key as the user.
    return found if found.id == principal.user_id.partition(":")[0] else None


def session_keys(reader: Reader, principal: Principal, now: float) -> dict[str, str | list[str]]:
    """The condition keys that the caller's credentials bring. IAM User Guide, 'AWS global condition context keys'."""
    key = _key(reader, principal)
    if key is None or not key.temporary:
        return {}
    keys: dict[str, str | list[str]] = {"aws:MultiFactorAuthPresent": "true" if key.mfa is not None else "false"}
    if key.mfa is not None:
        keys["aws:MultiFactorAuthAge"] = str(max(0, int(now - key.mfa)))
    if key.source_identity:
        keys["aws:SourceIdentity"] = key.source_identity
    return keys


def _key(reader: Reader, principal: Principal) -> AccessKey | None:
    return credentials.lookup(reader, principal.access_key) if principal.access_key else None


def _identity(reader: Reader, account: str, found: Grants) -> list[Named]:
    policies = [*found.inline, *_managed(reader, found.attached)]
    for name in found.groups:
        group = grants.of(reader, account, "group", name)
        if group is not None:
            policies += group.inline
            policies += _managed(reader, group.attached)
    return policies


def _managed(reader: Reader, arns: Iterable[str]) -> list[Named]:
    return [found for arn in arns if (found := grants.policy(reader, arn)) is not None]


def _session(reader: Reader, key: AccessKey | None) -> list[Named] | None:
    if key is None or not key.session_policies:
        return None
    named = []
    for text in key.session_policies:
        if text.startswith("arn:"):
            named += _managed(reader, [text])
        else:
            named.append(Named("session policy", parse.parse(text, "identity")))
    return named
