"""Amazon Resource Names. Source: AWS General Reference, 'Amazon Resource Names (ARNs)'."""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    """The parts of `arn:partition:service:region:account:resource`; `resource` keeps its own colons and slashes."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse(text: str) -> Arn | None:
    """The parts of an ARN, or None where `text` is none."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2]:
        return None
    return Arn(*parts[1:])


def make(service: str, region: str, account: str, resource: str) -> str:
    """An ARN in the `aws` partition."""
    return f"arn:aws:{service}:{region}:{account}:{resource}"
