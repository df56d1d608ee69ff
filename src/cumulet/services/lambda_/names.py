"""How clients name functions and layers: by name, partial ARN or ARN, with a qualifier in it or beside it.

Source: AWS Lambda API Reference, 'Invoke' (FunctionName) and 'GetLayerVersion' (LayerName).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cumulet.base.arn import make

from . import errors

LATEST = "$LATEST"

_FUNCTION = re.compile(
    r"(?:arn:(?:aws[a-zA-Z-]*)?:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?"
    r"([a-zA-Z0-9_-]+)(?::(\$LATEST|[a-zA-Z0-9_-]+))?"
)
_LAYER = re.compile(r"arn:aws[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9_-]+)(?::(\d+))?")
MAX_NAME = 64


class Place(NamedTuple):
    """An account in a region."""

    account: str
    region: str


class FunctionRef(NamedTuple):
    """A function as a client meant it; `qualifier` is "" where none was given."""

    at: Place
    name: str
    qualifier: str

    @property
    def arn(self) -> str:
        """Its ARN, qualified as the client qualified it."""
        return function_arn(self.at, self.name, self.qualifier)


class LayerRef(NamedTuple):
    """A layer, with its version where the text named one, else 0."""

    at: Place
    name: str
    version: int


@lru_cache(4096)
def function_arn(at: Place, name: str, qualifier: str = "") -> str:
    """The ARN of a function, or of a version or alias of it."""
    return make("lambda", at.region, at.account, f"function:{name}{':' if qualifier else ''}{qualifier}")


def layer_arn(at: Place, name: str, version: int = 0) -> str:
    """The ARN of a layer, or of a version of it."""
    return make("lambda", at.region, at.account, f"layer:{name}" + (f":{version}" if version else ""))


@lru_cache(4096)
def function(text: str, qualifier: str, account: str, region: str) -> FunctionRef:
    """The function that `text` and the Qualifier parameter mean to a caller in `account` and `region`. Raises AwsError."""
    match = _FUNCTION.fullmatch(text)
    if match is None:
        raise errors.invalid(f"Invalid function name: {text}")
    there, owner, name, inner = match.groups()
    if there is not None and there != region:
        raise errors.not_found(f"Functions from '{there}' are not reachable in this region ('{region}')")
    if len(name) > MAX_NAME:
        raise errors.invalid(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_NAME}"
        )
    if inner and qualifier and inner != qualifier:
        raise errors.invalid("The derived qualifier from the function name does not match the specified qualifier.")
    return FunctionRef(Place(owner or account, region), name, qualifier or inner or "")


def layer(text: str, version: int, at: Place) -> LayerRef:
    """The layer that `text` (a name or an ARN) means to a caller at `at`. Raises AwsError."""
    if not text.startswith("arn:"):
        return LayerRef(at, text, version)
    found = parse_layer_arn(text)
    if found is None:
        raise errors.invalid(f"Invalid layer name: {text}")
    return found._replace(version=version or found.version)


def parse_layer_arn(text: str) -> LayerRef | None:
    """The layer of an ARN, or None where it is none."""
    match = _LAYER.fullmatch(text)
    return LayerRef(Place(match[2], match[1]), match[3], int(match[4] or 0)) if match else None
