"""Tags of functions. Source: AWS Lambda API Reference, 'TagResource'."""

from __future__ import annotations

from dataclasses import replace

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import errors, lookup, rules, state
from ..names import FunctionRef
from ..state import Function


def _resource(ctx: Context, req: Json) -> tuple[FunctionRef, Function]:
    if ":function:" not in req["Resource"]:
        raise errors.missing("tags of this kind of resource", "only functions have tags.")
    ref = lookup.owned(ctx, {"FunctionName": req["Resource"]})
    if ref.qualifier:
        raise errors.invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.")
    return ref, lookup.function(ctx.tx, ref)


@operation
def tag_resource(ctx: Context, req: Json) -> Json:
    """Add tags to a function, or change them."""
    ref, head = _resource(ctx, req)
    tags = {**head.tags, **req["Tags"]}
    rules.tags(tags)
    state.put_function(ctx.tx, ref.at, replace(head, tags=tags))
    return {}


@operation
def untag_resource(ctx: Context, req: Json) -> Json:
    """Remove tags from a function."""
    ref, head = _resource(ctx, req)
    tags = {key: value for key, value in head.tags.items() if key not in req["TagKeys"]}
    state.put_function(ctx.tx, ref.at, replace(head, tags=tags))
    return {}


@operation
def list_tags(ctx: Context, req: Json) -> Json:
    """A function's tags."""
    _, head = _resource(ctx, req)
    return {"Tags": head.tags}
