"""What an operation needs: the words of a service's access.py, a table from operations to actions and resources.

    TABLE = {
        "PutObject": Access("s3:PutObject", "arn:aws:s3:::{Bucket}/{Key}"),
        "CopyObject": Access("s3:PutObject", "arn:aws:s3:::{Bucket}/{Key}", also=_source),
        "GetCallerIdentity": FREE,
    }

Source of actions, resources and condition keys: AWS's 'Service Authorization Reference'. An operation without a row fails a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from cumulet.auth.grants import Named
from cumulet.base.types import Json

if TYPE_CHECKING:
    from .context import Context

Keys = Mapping[str, str | list[str]]

_NONE: Keys = MappingProxyType({})


class Check(NamedTuple):
    """One question: may the caller do `action` to `resource` (an ARN or `*`), with these condition keys of the service?"""

    action: str
    resource: str
    keys: Keys | Callable[[], Keys] = _NONE
    policy: Named | None = None
    """The resource's own policy, which may allow what no identity policy does."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one operation needs.

    `resource` is an ARN with members of the request, `{account}` and `{region}` in braces, or a function that gives one or
    several. `keys` gives condition keys beyond the global ones; `also` further checks (iam:PassRole, a copy's source);
    `policy` the resource's own policy, where it has one.
    `free` operations need no permission.
    """

    action: str = ""
    resource: str | Callable[[Context, Json], str | list[str]] = "*"
    keys: Callable[[Context, Json], Keys] | None = None
    also: Callable[[Context, Json], Iterable[Check]] | None = None
    policy: Callable[[Context, Json], Named | None] | None = None
    free: bool = False

    def checks(self, ctx: Context, params: Json) -> list[Check]:
        """The questions that this request raises, in the order in which AWS asks them."""
        if self.free:
            return []
        found: str | list[str]
        if isinstance(self.resource, str):
            found = self.resource
            if "{" in self.resource:
                found = self.resource.format_map(_Members(params, account=ctx.account, region=ctx.region))
        else:
            found = self.resource(ctx, params)
        # Most policies ask for no key: they are looked for when one does.
        keys = partial(self.keys, ctx, params) if self.keys is not None else _NONE
        policy = self.policy(ctx, params) if self.policy is not None else None
        checks = [Check(self.action, one, keys, policy) for one in ([found] if isinstance(found, str) else found)]
        if self.also is not None:
            checks.extend(self.also(ctx, params))
        return checks


FREE = Access(free=True)
"""For what everybody may do who has signed."""


class _Members(dict[str, Any]):
    # A member that the request lacks is nothing: the operation will refuse the request for it.
    def __missing__(self, key: str) -> str:
        return ""
