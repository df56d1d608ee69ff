"""Condition keys: those that every request has, computed when a policy asks for them and not before.

Most requests are decided without a single key, so a request pays for what its policies read. Source: IAM User Guide,
'AWS global condition context keys'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from cumulet.base.context import Principal

from .principals import is_federated_user

if TYPE_CHECKING:
    from .match import Context

Keys: TypeAlias = Mapping[str, str | list[str]]
"""Condition keys in any case, with one value or several."""

_TYPES: Final = {
    "root": "Account",
    "user": "User",
    "role": "AssumedRole",
    "federated": "FederatedUser",
    "anonymous": "Anonymous",
}
_TAG: Final = "aws:principaltag/"


class LazyContext(Mapping[str, list[str]]):
    """The condition keys of a call, by their names in lower case.

    `more` are keys that the operation brings, before all others, or a function that finds them: it is called once, and
    only if a policy asks for a key that is not global. `now` is in epoch seconds; what is "" or None has no key.
    `called_via` are the services (`lambda.amazonaws.com`) through which the caller's request came, the first first.
    """

    __slots__ = ("_find", "_more", "called_via", "now", "principal", "region", "secure", "source_ip")

    def __init__(
        self,
        principal: Principal,
        *,
        now: float | None = None,
        region: str = "",
        source_ip: str = "",
        secure: bool | None = None,
        called_via: Sequence[str] = (),
        more: Keys | Callable[[], Keys] | None = None,
    ) -> None:
        self.principal = principal
        self.now = now
        self.region = region
        self.source_ip = source_ip
        self.secure = secure
        self.called_via = called_via
        self._find = more if callable(more) else None
        self._more = _lowered(more) if more and not callable(more) else {}

    def __getitem__(self, key: str) -> list[str]:
        found = self._more.get(key)
        if found is None:
            found = self._global(key)
        if found is None and self._find is not None:
            found = self._brought().get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self._brought()
        for key in (*_GLOBAL, *(_TAG + name.lower() for name in self.principal.tags)):
            if key not in self._more and self._global(key) is not None:
                yield key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _brought(self) -> dict[str, list[str]]:
        if self._find is not None:
            self._more, self._find = _lowered(self._find()), None
        return self._more

    def _global(self, key: str) -> list[str] | None:
        maker = _GLOBAL.get(key)
        if maker is not None:
            value = maker(self)
            return [value] if isinstance(value, str) and value else list(value) if value else None
        if key.startswith(_TAG):
            wanted = key[len(_TAG) :]
            for name, tag in self.principal.tags.items():
                if name.lower() == wanted:
                    return [tag]
        return None


def global_keys(
    principal: Principal,
    *,
    now: float | None = None,
    region: str = "",
    source_ip: str = "",
    secure: bool | None = None,
    more: Keys | None = None,
) -> Context:
    """The condition keys of a call, all of them computed; see LazyContext."""
    return dict(LazyContext(principal, now=now, region=region, source_ip=source_ip, secure=secure, more=more))


def _lowered(keys: Keys) -> dict[str, list[str]]:
    return {name.lower(): [value] if isinstance(value, str) else value for name, value in keys.items()}


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _known(who: Principal) -> bool:
    return who.kind in ("root", "user", "role") or is_federated_user(who)


def _arn(context: LazyContext) -> str | None:
    who = context.principal
    if not _known(who):
        return None
    # For a role's session the key holds the role's ARN, not the session's.
    return f"arn:aws:iam::{who.account}:role/{who.name}" if who.kind == "role" else who.arn


def _type(context: LazyContext) -> str | None:
    who = context.principal
    return _TYPES.get(who.kind) if _known(who) or who.kind == "anonymous" else None


def _service(context: LazyContext, value: str) -> str | None:
    return value if context.principal.kind == "service" else None


def _instant(context: LazyContext) -> str | None:
    return None if context.now is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(context.now))


_GLOBAL: Final[dict[str, Callable[[LazyContext], str | Sequence[str] | None]]] = {
    "aws:calledvia": lambda context: context.called_via,
    "aws:calledviafirst": lambda context: context.called_via[0] if context.called_via else None,
    "aws:calledvialast": lambda context: context.called_via[-1] if context.called_via else None,
    "aws:currenttime": _instant,
    "aws:epochtime": lambda context: None if context.now is None else str(int(context.now)),
    "aws:principalaccount": lambda context: context.principal.account if _known(context.principal) else None,
    "aws:principalarn": _arn,
    "aws:principalisawsservice": lambda context: _truth(context.principal.kind == "service"),
    "aws:principalservicename": lambda context: _service(context, context.principal.name),
    "aws:principaltype": _type,
    "aws:requestedregion": lambda context: context.region,
    "aws:securetransport": lambda context: None if context.secure is None else _truth(context.secure),
    "aws:sourceaccount": lambda context: _service(context, context.principal.source_account),
    "aws:sourcearn": lambda context: _service(context, context.principal.source_arn),
    "aws:sourceip": lambda context: context.source_ip,
    "aws:userid": lambda context: context.principal.user_id if _known(context.principal) else None,
    "aws:viaawsservice": lambda context: _truth(bool(context.called_via)),
    "aws:username": lambda context: context.principal.name if context.principal.kind == "user" else None,
}
