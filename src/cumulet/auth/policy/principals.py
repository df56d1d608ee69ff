"""The Principal and NotPrincipal elements: whom a resource's policy means, and how directly.

Sources: IAM User Guide, 'AWS JSON policy elements: Principal', 'AWS JSON policy elements: NotPrincipal' and 'How AWS
enforcement code logic evaluates requests to allow or deny access'.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from cumulet.base import arn
from cumulet.base.context import Principal

NOBODY: Final = 0
ACCOUNT: Final = 1
"""The caller's account is named: it may hand the permission on, by identity policies."""
ENTITY: Final = 2
"""The role behind the session is named (or the user behind a federated session): boundary and session policy cap it."""
DIRECT: Final = 3
"""The caller itself is named, or everyone: the permission is its own."""


@lru_cache(1024)
def canonical_user(account: str) -> str:
    """The canonical user id by which S3 knows an account: 64 hexadecimal digits."""
    return hashlib.sha256(f"canonical user {account}".encode()).hexdigest()


def is_federated_user(who: Principal) -> bool:
    """Whether a caller's session comes from sts:GetFederationToken; other federated callers are known by their provider only."""
    return who.kind == "federated" and ":federated-user/" in who.arn


class Principals:
    """A Principal or NotPrincipal element: `{kind: values}`, kinds being AWS, Service, Federated and CanonicalUser.

    `deny` is the effect of the statement: a NotPrincipal that denies spares only a caller of whom every name is listed.
    """

    __slots__ = ("_aws", "_canonical", "_entities", "_everyone", "_federated", "_services", "deny", "negated")

    def __init__(self, by_kind: dict[str, list[str]], negated: bool, deny: bool = False) -> None:
        self._aws = frozenset(by_kind.get("AWS", ()))
        self._services = frozenset(by_kind.get("Service", ()))
        self._federated = frozenset(by_kind.get("Federated", ()))
        self._canonical = frozenset(by_kind.get("CanonicalUser", ()))
        # A session's ARN has lost the role's path, and names are unique in an account whatever their path.
        self._entities = frozenset(entity for name in self._aws if (entity := _entity(name)) is not None)
        self._everyone = "*" in self._aws
        self.negated = negated
        self.deny = deny

    def __call__(self, who: Principal) -> bool:
        """Whether the statement means the caller at all."""
        return self.grade(who) != NOBODY

    def grade(self, who: Principal) -> int:
        """How directly the statement means the caller: NOBODY, ACCOUNT, ENTITY or DIRECT."""
        if not self.negated:
            return self._listed(who)
        spared = self._spares(who) if self.deny else self._listed(who) != NOBODY
        return NOBODY if spared else DIRECT

    def _listed(self, who: Principal) -> int:
        if self._everyone:
            return DIRECT
        kind = who.kind
        if kind == "anonymous":
            return NOBODY
        if kind == "service":
            return DIRECT if who.name in self._services else NOBODY
        if kind == "federated" and not is_federated_user(who):
            return DIRECT if who.name in self._federated or who.arn in self._federated else NOBODY
        if self._itself(who):
            return DIRECT
        if self._behind(who):
            return ENTITY
        return ACCOUNT if self._account(who) else NOBODY

    def _itself(self, who: Principal) -> bool:
        if who.arn in self._aws or who.user_id in self._aws:
            return True
        return who.kind == "root" and self._account(who)

    def _behind(self, who: Principal) -> bool:
        if who.kind == "role":
            unique_id = who.user_id.partition(":")[0]
            return (who.account, "role", who.name) in self._entities or unique_id in self._aws
        return who.kind == "federated" and (who.account, "user", who.name) in self._entities

    def _account(self, who: Principal) -> bool:
        if who.account in self._aws or f"arn:aws:iam::{who.account}:root" in self._aws:
            return True
        return bool(self._canonical) and canonical_user(who.account) in self._canonical

    def _spares(self, who: Principal) -> bool:
        # The account is judged first, then the role or user, then the session: each has to be listed.
        if self._everyone:
            return True
        kind = who.kind
        if kind in ("anonymous", "service") or (kind == "federated" and not is_federated_user(who)):
            return self._listed(who) != NOBODY
        if not self._account(who) or not self._itself(who):
            return False
        return kind != "role" or self._behind(who)


def _entity(name: str) -> tuple[str, str, str] | None:
    """Account, kind and name of the role or user that an ARN names."""
    parsed = arn.parse(name)
    if parsed is None or parsed.service != "iam":
        return None
    kind, slash, path = parsed.resource.partition("/")
    return (parsed.account, kind, path.rpartition("/")[2]) if slash and kind in ("role", "user") else None
