"""Grants: what IAM has given to a user, a group or a role, in records that the kernel reads without knowing the service IAM.

IAM writes them in the transactions that change its own state. A principal's record holds its inline policies whole and the names
of the rest; a managed policy is a record of its own, so that a new version takes effect everywhere at once. Decoded records hold
compiled policies and stay in the store's cache until their key commits: a warm look-up costs well under a microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.store import keys, records
from cumulet.store.api import Reader, Tx

from .policy import parse
from .policy.model import Named, Policy

__all__ = ["Grants", "Kind", "Named", "drop", "drop_policy", "of", "policy", "put", "put_policy"]

Kind = Literal["user", "group", "role"]

_SPACE = keys.space("", "", "grants")


@dataclass(frozen=True, slots=True)
class Grants:
    """What a principal has. `id` is its unique id (`AROA…`): a successor of the same name is somebody else.

    `attached` and `boundary` are ARNs of managed policies, `groups` names of groups (users only), `tags` its tags.
    """

    id: str
    inline: tuple[Named, ...] = ()
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


@lru_cache(4096)
def _principal(account: str, kind: Kind, name: str) -> bytes:
    # Names are unique whatever their case, as in IAM.
    return _SPACE + keys.pack("principal", account, kind, name.lower())


@lru_cache(4096)
def _managed(arn: str) -> bytes:
    return _SPACE + keys.pack("policy", arn)


def put(
    tx: Tx,
    account: str,
    kind: Kind,
    name: str,
    unique_id: str,
    *,
    inline: list[tuple[str, str]],
    attached: list[str],
    groups: list[str] | None = None,
    boundary: str | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Write a principal's grants. `inline` holds names and documents (JSON text that IAM has validated)."""
    record = {
        "id": unique_id,
        "name": f"{kind}/{name}",
        "inline": inline,
        "attached": attached,
        "groups": groups or [],
        "boundary": boundary,
        "tags": tags or {},
    }
    tx.put(_principal(account, kind, name), records.encode(record))


def drop(tx: Tx, account: str, kind: Kind, name: str) -> None:
    """Forget a principal. Its credentials are worthless from this commit on."""
    tx.delete(_principal(account, kind, name))


def of(reader: Reader, account: str, kind: Kind, name: str) -> Grants | None:
    """A principal's grants, None where IAM knows no such principal."""
    return reader.cached(_principal(account, kind, name), _grants)


def put_policy(tx: Tx, arn: str, document: str) -> None:
    """Write the default version of a managed policy (also an AWS-managed one that somebody attaches)."""
    tx.put(_managed(arn), records.encode(document))


def drop_policy(tx: Tx, arn: str) -> None:
    """Forget a managed policy."""
    tx.delete(_managed(arn))


def policy(reader: Reader, arn: str) -> Named | None:
    """The compiled default version of a managed policy."""
    found = reader.cached(_managed(arn), _policy)
    return Named(arn, found) if found is not None else None


def _grants(raw: bytes) -> Grants:
    record: Json = records.decode(raw)
    inline = tuple(Named(f"{record['name']}/{name}", _compile(text)) for name, text in record["inline"])
    return Grants(
        record["id"], inline, tuple(record["attached"]), tuple(record["groups"]), record["boundary"], record["tags"]
    )


def _policy(raw: bytes) -> Policy:
    return _compile(records.decode(raw))


def _compile(text: str) -> Policy:
    try:
        return parse.parse(text, "identity")
    except AwsError:
        # IAM has validated it once; what a newer parser refuses must not allow anything, and must not take the caller down.
        return Policy("2012-10-17", "", ())
