"""What a policy is once compiled: statements that can be asked, indexed by the actions that they speak about."""

from __future__ import annotations

from typing import Any, NamedTuple

from .conditions import Condition
from .match import Actions, Resources
from .principals import Principals

# Actions come from the services' tables, but iam:Simulate… takes any text: the index stays bounded.
_INDEXED = 512


class Statement(NamedTuple):
    """One compiled statement. `resources` and `principals` are None where the document has no such element.

    `source` is the statement as its author wrote it.
    """

    sid: str
    allow: bool
    actions: Actions
    resources: Resources | None
    principals: Principals | None
    conditions: tuple[Condition, ...]
    source: dict[str, Any]


class About(NamedTuple):
    """The statements of a policy whose Action element fits one action: those that deny it and those that allow it."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]


class Policy:
    """A compiled document. It never changes; the index is filled as actions are asked about."""

    __slots__ = ("_about", "id", "statements", "version")

    def __init__(self, version: str, policy_id: str, statements: tuple[Statement, ...]) -> None:
        self.version = version
        self.id = policy_id
        self.statements = statements
        self._about: dict[str, About] = {}

    def about(self, action: str) -> About:
        """The statements to look at for an action, in the document's order."""
        found = self._about.get(action)
        return found if found is not None else self._find(action)

    def _find(self, action: str) -> About:
        fitting = [statement for statement in self.statements if statement.actions(action)]
        found = About(
            tuple(statement for statement in fitting if not statement.allow),
            tuple(statement for statement in fitting if statement.allow),
        )
        if len(self._about) >= _INDEXED:
            self._about.clear()
        self._about[action] = found
        return found


class Named(NamedTuple):
    """A compiled policy and what to call it: a managed policy's ARN, or `user/NAME/POLICY` for an inline one."""

    name: str
    policy: Policy
