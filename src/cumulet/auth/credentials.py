"""Access keys: records in the store's global space, so that IAM and STS write what the kernel reads without knowing
them.

Two kinds of key need no record, so that a fresh cloud can be used at once: `test` is the root of account
000000000000, and any twelve digits are the root of the account they name. Both have the secret `test`. See the IAM
User Guide, 'AWS security credentials'.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Literal

from cumulet.base import ids
from cumulet.base.context import DEFAULT_ACCOUNT, Principal, root
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

DEFAULT_ID = "test"
DEFAULT_SECRET = "test"  # noqa: S105  public on purpose: the documented default

Status = Literal["Active", "Inactive"]

_SPACE = keys.space("", "", "credentials")
_TOKEN_BYTES = 300


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term or temporary access key and whom it speaks for.

    `expires` is in epoch seconds, None for long-term keys. `token` is the session token in clear and known only to
    whoever has just made the key; the store keeps `token_digest`. `builtin` marks the default keys, which have no
    record.

    What a session brought along: `session_policies` cap it (documents as JSON text, managed policies as ARNs),
    `session_tags` are in the principal's tags too, of which `transitive_tags` go on to the next role; `source_identity` is
    for good; `mfa` is when a one-time password was given (epoch seconds). `issuer` is the unique id of the user, or the
    account of the root, that called GetFederationToken.
    """

    id: str
    secret: str
    principal: Principal
    token: str | None = None
    expires: float | None = None
    status: Status = "Active"
    token_digest: str = ""
    builtin: bool = False
    session_policies: tuple[str, ...] = ()
    session_tags: dict[str, str] = field(default_factory=dict)
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    mfa: float | None = None
    issuer: str = ""

    @property
    def temporary(self) -> bool:
        return bool(self.token_digest)

    def accepts(self, token: str) -> bool:
        """Whether `token` is the session token issued with this key, compared in constant time."""
        return hmac.compare_digest(_digest(token), self.token_digest)


@lru_cache(4096)
def _key(access_key_id: str) -> bytes:
    return _SPACE + keys.pack("key", access_key_id)


def lookup(reader: Reader, access_key_id: str) -> AccessKey | None:
    """The key of that id, active or not, expired or not; None where there is none."""
    known = builtin(access_key_id)
    if known is not None:
        return known
    # Ids are 16 to 128 characters of [A-Za-z0-9_]: anything else never was stored, and must not become a key of the
    # store.
    if (
        not 16 <= len(access_key_id) <= 128
        or not access_key_id.isascii()
        or not access_key_id.replace("_", "a").isalnum()
    ):
        return None
    return reader.cached(_key(access_key_id), _decode)


@lru_cache(1024)
def builtin(access_key_id: str) -> AccessKey | None:
    """The default key of that id, or None where the id is none of the defaults."""
    if access_key_id == DEFAULT_ID:
        account = DEFAULT_ACCOUNT
    elif len(access_key_id) == 12 and access_key_id.isascii() and access_key_id.isdigit():
        account = access_key_id
    else:
        return None
    return AccessKey(access_key_id, DEFAULT_SECRET, root(account, access_key_id), builtin=True)


def store(tx: Tx, key: AccessKey) -> None:
    """Write a key; a key of the same id is replaced. The clear token is not written."""
    record = asdict(replace(key, token=None, token_digest=_digest(key.token) if key.token else key.token_digest))
    del record["token"], record["builtin"]
    tx.put(_key(key.id), records.encode(record))


def remove(tx: Tx, access_key_id: str) -> None:
    """Delete a key: from the commit on it is unknown."""
    tx.delete(_key(access_key_id))


def permanent(principal: Principal) -> AccessKey:
    """A new long-term key in AWS's shape (`AKIA…`, 40-character secret). It works once it is stored."""
    key_id = ids.unique_id("AKIA", 20)
    return AccessKey(key_id, _secret(), replace(principal, access_key=key_id))


def temporary(principal: Principal, now: float, seconds: float) -> AccessKey:
    """New temporary credentials (`ASIA…`, secret, session token) that end `seconds` after `now`. They work once they
    are stored.

    The token is random and says nothing: who it speaks for is in the record, so removing the record revokes it.
    """
    key_id = ids.unique_id("ASIA", 20)
    token = base64.b64encode(b"\x22" + os.urandom(_TOKEN_BYTES - 1)).decode()
    return AccessKey(
        key_id, _secret(), replace(principal, access_key=key_id), token, now + seconds, token_digest=_digest(token)
    )


def _secret() -> str:
    return base64.b64encode(os.urandom(30)).decode()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _decode(raw: bytes) -> AccessKey:
    record = records.decode(raw)
    lists = {name: tuple(record[name]) for name in ("session_policies", "transitive_tags") if name in record}
    return AccessKey(**{**record, **lists, "principal": Principal(**record["principal"])})
