"""Layers: numbered zip files that functions unpack to /opt. Source: AWS Lambda API Reference, 'PublishLayerVersion'."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import configuration, dataplane, errors, lookup, names, packages, paging, rules, state
from ..names import LayerRef, Place, layer_arn
from ..state import Layer

MAX_PAGE = 50
SCAN = 200
"""Records that one page of a filtered list looks at, at most: the page may be short, its marker says where to go on."""


@operation
async def publish_layer_version(ctx: Context, req: Json) -> Json:
    """A new version of a layer, which is made with its first one."""
    ref = _owned(ctx, req["LayerName"], 0)
    rules.code(req["Content"])
    async with packages.receive(ctx, req["Content"]) as upload:
        return ctx.transact(lambda inside: _publish(inside, ref, req, upload))


def _publish(ctx: Context, ref: LayerRef, req: Json, upload: packages.Upload) -> Json:
    packages.hold(ctx, upload)
    rules.storage(state.add_usage(ctx.tx, ref.at, code=upload.package.size).code)
    info: Json = {"Description": req.get("Description") or "", "CreatedDate": configuration.timestamp(ctx.now)}
    for member in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"):
        if req.get(member):
            info[member] = req[member]
    layer = Layer(state.next_layer_number(ctx.tx, ref.at, ref.name), info, upload.package)
    state.put_layer(ctx.tx, ref.at, ref.name, layer)
    return _show_whole(ctx, ref, layer)


@operation
def get_layer_version(ctx: Context, req: Json) -> Json:
    """A version of a layer, with where to download it."""
    return _get(ctx, _owned(ctx, req["LayerName"], req["VersionNumber"]))


@operation
def get_layer_version_by_arn(ctx: Context, req: Json) -> Json:
    """A version of a layer by its ARN."""
    return _get(ctx, _owned(ctx, req["Arn"], 0))


def _get(ctx: Context, ref: LayerRef) -> Json:
    layer = state.layer(ctx.tx, ref.at, ref.name, ref.version)
    if layer is None:
        raise errors.not_found("The resource you requested does not exist.")
    return _show_whole(ctx, ref, layer)


@operation
def list_layers(ctx: Context, req: Json) -> Json:
    """Layers with their newest version that fits, in the order of their names."""
    at = lookup.here(ctx)
    limit = min(req.get("MaxItems") or MAX_PAGE, MAX_PAGE)
    found = state.layer_names(ctx.tx, at, paging.text(req.get("Marker")), SCAN)
    shown: list[Json] = []
    for seen, name in enumerate(found, 1):
        versions = state.layer_versions(ctx.tx, at, name, 0, MAX_PAGE if _filters(req) else 1)
        newest = next((layer for layer in versions if _fits(layer, req)), None)
        if newest is not None:
            shown.append(
                {"LayerName": name, "LayerArn": layer_arn(at, name), "LatestMatchingVersion": _show(at, name, newest)}
            )
        if len(shown) == limit and seen < len(found):
            return paging.page("Layers", shown, paging.marker(name))
    return paging.page("Layers", shown, paging.marker(found[-1]) if len(found) == SCAN else None)


@operation
def list_layer_versions(ctx: Context, req: Json) -> Json:
    """Versions of a layer that fit, the newest first."""
    ref = _owned(ctx, req["LayerName"], 0)
    limit = min(req.get("MaxItems") or MAX_PAGE, MAX_PAGE)
    _, before = paging.pair(req.get("Marker"))
    found = state.layer_versions(ctx.tx, ref.at, ref.name, before, SCAN)
    shown: list[Json] = []
    for seen, layer in enumerate(found, 1):
        if _fits(layer, req):
            shown.append(_show(ref.at, ref.name, layer))
        if len(shown) == limit and seen < len(found):
            return paging.page("LayerVersions", shown, paging.marker(ref.name, layer.number))
    return paging.page(
        "LayerVersions", shown, paging.marker(ref.name, found[-1].number) if len(found) == SCAN else None
    )


@operation
def delete_layer_version(ctx: Context, req: Json) -> Json:
    """Delete a version of a layer; functions that use it keep it. Nothing happens where there is none."""
    ref = _owned(ctx, req["LayerName"], req["VersionNumber"])
    layer = state.layer(ctx.tx, ref.at, ref.name, ref.version)
    if layer is not None:
        state.delete_layer(ctx.tx, ref.at, ref.name, ref.version)
        state.add_usage(ctx.tx, ref.at, code=-layer.package.size)
        packages.drop(ctx, layer.package)
    return {}


def _owned(ctx: Context, text: str, version: int) -> LayerRef:
    if version < 0 or version > 2**62:
        raise errors.invalid("Layer Version Cannot be less than 1.")
    ref = names.layer(text, version, lookup.here(ctx))
    if ref.at != lookup.here(ctx):
        raise errors.denied(
            f"User: {ctx.principal.arn} is not authorized to perform this operation on resource: {text}"
        )
    return ref


def _filters(req: Json) -> bool:
    return bool(req.get("CompatibleRuntime") or req.get("CompatibleArchitecture"))


def _fits(layer: Layer, req: Json) -> bool:
    runtime, architecture = req.get("CompatibleRuntime"), req.get("CompatibleArchitecture")
    return (not runtime or runtime in layer.info.get("CompatibleRuntimes", ())) and (
        not architecture or architecture in layer.info.get("CompatibleArchitectures", ())
    )


def _show(at: Place, name: str, layer: Layer) -> Json:
    return {"LayerVersionArn": layer_arn(at, name, layer.number), "Version": layer.number, **layer.info}


def _show_whole(ctx: Context, ref: LayerRef, layer: Layer) -> Json:
    package = layer.package
    content = {
        "Location": dataplane.location(ctx, package),
        "CodeSha256": packages.sha256(package),
        "CodeSize": package.size,
    }
    return {"Content": content, "LayerArn": layer_arn(ref.at, ref.name), **_show(ref.at, ref.name, layer)}
