"""Layers in use: a function holds the packages of its layer versions itself, so that deleting a layer version breaks nobody."""

from __future__ import annotations

from cumulet.kernel.context import Context

from . import errors, packages, rules, state
from .names import Place, parse_layer_arn
from .state import LayerUse, Package


def use(
    ctx: Context, at: Place, arns: list[str], code: Package, held: tuple[LayerUse, ...] = ()
) -> tuple[LayerUse, ...]:
    """Hold the packages of layer versions beside `code`, and let go of those in `held`. Raises AwsError."""
    rules.layers(arns, at)
    known = {use.arn: use for use in held}
    uses = [known.get(arn) or _find(ctx, at, arn) for arn in arns]
    rules.total_size(code, uses)
    for layer in uses:
        packages.hold_again(ctx, layer.package)
    for layer in held:
        packages.drop(ctx, layer.package)
    return tuple(uses)


def _find(ctx: Context, at: Place, arn: str) -> LayerUse:
    ref = parse_layer_arn(arn)
    assert ref is not None  # rules.layers has looked
    if ref.at.account != at.account:
        raise errors.denied(
            f"User: {ctx.principal.arn} is not authorized to perform: lambda:GetLayerVersion on resource: {arn} "
            "because no resource-based policy allows the lambda:GetLayerVersion action"
        )
    layer = state.layer(ctx.tx, ref.at, ref.name, ref.version)
    if layer is None:
        raise errors.invalid(f"Layer version {arn} does not exist.")
    return LayerUse(arn, layer.package)
