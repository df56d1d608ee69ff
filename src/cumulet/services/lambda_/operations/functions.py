"""Functions: create, read, list, update, delete. Source: AWS Lambda API Reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cumulet.base import ids
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.run.functions import RuntimeMissing, find_runtime

from .. import configuration, dataplane, errors, layering, lifecycle, lookup, packages, paging, roles, rules, state
from ..names import LATEST, FunctionRef, function_arn
from ..state import Function, Version
from .versions import publish

if TYPE_CHECKING:
    from types_boto3_lambda.type_defs import (
        CreateFunctionRequestTypeDef,
        UpdateFunctionCodeRequestTypeDef,
        UpdateFunctionConfigurationRequestTypeDef,
    )

MAX_PAGE = 50


@operation
async def create_function(ctx: Context, req: CreateFunctionRequestTypeDef) -> Json:
    """A new function, Pending until its code is ready."""
    request: Json = dict(req)
    ref = lookup.owned(ctx, request)
    if ref.qualifier not in ("", LATEST):
        raise errors.invalid(f"Invalid function name: {request['FunctionName']}")
    rules.creation(request)
    rules.settings(request)
    # Told early, before the code is read; the transaction that creates the function looks again.
    ctx.transact(lambda inside: _may_create(inside, ref, request))
    await _check_runtime(ctx, request["Runtime"])
    async with packages.receive(ctx, request["Code"]) as upload:
        return await lifecycle.write_in(ctx, lambda inside: _create(inside, ref, request, upload))


def _may_create(ctx: Context, ref: FunctionRef, req: Json) -> None:
    if state.function(ctx.tx, ref.at, ref.name) is not None:
        raise errors.conflict(f"Function already exist: {ref.name}")
    roles.check(ctx, ref, req["Role"])


def _create(ctx: Context, ref: FunctionRef, req: Json, upload: packages.Upload) -> Json:
    _may_create(ctx, ref, req)
    at = ref.at
    head = Function(ref.name, ids.hexid(), tags=req.get("Tags") or {})
    layers = layering.use(ctx, at, req.get("Layers") or [], upload.package)
    packages.hold(ctx, upload)
    config = configuration.pending(configuration.new(ref.name, req))
    config = {**config, "LastModified": configuration.timestamp(ctx.now), "RevisionId": ids.request_id()}
    latest = Version(head.id, 0, ids.hexid(8), config, upload.package, layers)
    rules.storage(state.add_usage(ctx.tx, at, functions=1, code=upload.package.size).code)
    lifecycle.write(ctx, at, latest)
    if req.get("Publish"):
        head, latest = publish(ctx, at, head, latest)
    state.put_function(ctx.tx, at, head)
    return configuration.show(at, ref.name, latest, latest.label if latest.number else "")


async def _check_runtime(ctx: Context, runtime: str) -> None:
    found = await ctx.offload(find_runtime, runtime)
    if isinstance(found, RuntimeMissing):
        raise errors.invalid(found.message)


@operation
def get_function(ctx: Context, req: Json) -> Json:
    """A version's configuration, where to download its code, the function's tags and reserved concurrency."""
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref)
    version = lookup.version(ctx.tx, ref, head)
    out: Json = {
        "Configuration": configuration.show(ref.at, ref.name, version, ref.qualifier),
        "Code": {"RepositoryType": "S3", "Location": dataplane.location(ctx, version.package)},
    }
    if head.tags:
        out["Tags"] = head.tags
    if head.reserved is not None:
        out["Concurrency"] = {"ReservedConcurrentExecutions": head.reserved}
    return out


@operation
def get_function_configuration(ctx: Context, req: Json) -> Json:
    """A version's configuration."""
    ref = lookup.owned(ctx, req)
    version = lookup.version(ctx.tx, ref, lookup.function(ctx.tx, ref))
    return configuration.show(ref.at, ref.name, version, ref.qualifier)


@operation
def list_functions(ctx: Context, req: Json) -> Json:
    """The account's functions in the order of their names, each as its $LATEST; with FunctionVersion ALL, each with its versions."""
    if req.get("MasterRegion"):
        raise errors.missing("MasterRegion", "there are no edge functions.")
    at = lookup.here(ctx)
    limit = min(req.get("MaxItems") or MAX_PAGE, MAX_PAGE)
    if req.get("FunctionVersion") == "ALL":
        return _list_all(ctx, req.get("Marker"), limit)
    heads = state.functions(ctx.tx, at, paging.text(req.get("Marker")), limit + 1)
    page = heads[:limit]
    names = {head.id: head.name for head in page}
    latest = state.latest_of(ctx.tx, at, page)
    shown = [configuration.show(at, names[version.function], version) for version in latest]
    return paging.page("Functions", shown, paging.marker(page[-1].name) if len(heads) > limit else None)


def _list_all(ctx: Context, marker: str | None, limit: int) -> Json:
    at = lookup.here(ctx)
    name, first = paging.pair(marker)
    shown: list[Json] = []
    head = state.function(ctx.tx, at, name) if name else None
    while True:
        if head is None:
            following = state.functions(ctx.tx, at, name, 1)
            if not following:
                return paging.page("Functions", shown, None)
            head, first = following[0], 0
        name = head.name
        room = limit - len(shown)
        found = state.versions(ctx.tx, at, head.id, first, room + 1)
        shown += [configuration.show(at, name, version, version.label) for version in found[:room]]
        if len(found) > room:
            return paging.page("Functions", shown, paging.marker(name, found[room].number))
        head = None


@operation
async def update_function_code(ctx: Context, req: UpdateFunctionCodeRequestTypeDef) -> Json:
    """New code for $LATEST; workers with the old code go once the new one is ready."""
    request: Json = dict(req)
    ref = lookup.owned(ctx, request)
    rules.code(request)
    ctx.transact(lambda inside: _latest_for(inside, ref, request))
    async with packages.receive(ctx, request) as upload:
        return await lifecycle.write_in(ctx, lambda inside: _update_code(inside, ref, request, upload))


def _latest_for(ctx: Context, ref: FunctionRef, req: Json) -> tuple[Function, Version]:
    """The function and its $LATEST, free to be changed."""
    unqualified = ref._replace(qualifier="")
    if ref.qualifier not in ("", LATEST):
        raise errors.invalid(f"Only the unqualified function can be changed: {function_arn(ref.at, ref.name)}")
    head = lookup.function(ctx.tx, unqualified)
    latest = lookup.version(ctx.tx, unqualified, head)
    lookup.revision(req, latest)
    lookup.idle(ref, latest)
    return head, latest


def _update_code(ctx: Context, ref: FunctionRef, req: Json, upload: packages.Upload) -> Json:
    head, latest = _latest_for(ctx, ref, req)
    at = ref.at
    rules.total_size(upload.package, list(latest.layers))
    architectures = req.get("Architectures") or latest.config["Architectures"]
    changed = replace(latest, package=upload.package, config={**latest.config, "Architectures": architectures})
    if req.get("DryRun"):
        return configuration.show(at, ref.name, changed)
    packages.hold(ctx, upload)
    packages.drop(ctx, latest.package)
    rules.storage(state.add_usage(ctx.tx, at, code=upload.package.size - latest.package.size).code)
    return _replace_latest(ctx, ref, head, latest, changed, publish_it=bool(req.get("Publish")))


def _replace_latest(
    ctx: Context, ref: FunctionRef, head: Function, old: Version, changed: Version, *, publish_it: bool = False
) -> Json:
    config = configuration.in_progress(changed.config)
    if config["State"] == "Failed":
        config = configuration.pending(config)
    config = {**config, "LastModified": configuration.timestamp(ctx.now), "RevisionId": ids.request_id()}
    latest = replace(changed, config=config, deployment=ids.hexid(8))
    lifecycle.write(ctx, ref.at, latest, replaces=old.deployment)
    if not publish_it:
        return configuration.show(ref.at, ref.name, latest)
    head, version = publish(ctx, ref.at, head, latest)
    state.put_function(ctx.tx, ref.at, head)
    return configuration.show(ref.at, ref.name, version, version.label)


@operation
async def update_function_configuration(ctx: Context, req: UpdateFunctionConfigurationRequestTypeDef) -> Json:
    """New settings for $LATEST."""
    request: Json = dict(req)
    ref = lookup.owned(ctx, request)
    rules.settings(request)
    if request.get("Runtime"):
        await _check_runtime(ctx, request["Runtime"])
    return await lifecycle.write_in(ctx, lambda inside: _update_configuration(inside, ref, request))


def _update_configuration(ctx: Context, ref: FunctionRef, req: Json) -> Json:
    head, latest = _latest_for(ctx, ref, req)
    if req.get("Role"):
        roles.check(ctx, ref, req["Role"])
    layers = latest.layers
    if req.get("Layers") is not None:
        layers = layering.use(ctx, ref.at, req["Layers"], latest.package, held=latest.layers)
    changed = replace(latest, config=configuration.changed(latest.config, req), layers=layers)
    return _replace_latest(ctx, ref, head, latest, changed)


@operation
def delete_function(ctx: Context, req: Json) -> Json:
    """Delete a function with everything that belongs to it, or with a qualifier one published version."""
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref._replace(qualifier=""))
    if ref.qualifier:
        _delete_version(ctx, ref, head)
        return {"StatusCode": 204}
    state.forget_name(ctx.tx, ref.at, ref.name)
    state.add_usage(ctx.tx, ref.at, functions=-1, reserved=-(head.reserved or 0))
    lifecycle.bury(ctx, ref.at, head.id)
    return {"StatusCode": 204}


def _delete_version(ctx: Context, ref: FunctionRef, head: Function) -> None:
    if ref.qualifier == LATEST:
        raise errors.invalid("$LATEST version cannot be deleted without deleting the function.")
    try:
        version = lookup.version(ctx.tx, ref, head)
    except AwsError as err:
        if not ref.qualifier.isdecimal():
            raise errors.invalid("Deletion of aliases is not currently supported.") from err
        return  # AWS answers 204 for a version that is not there.
    lifecycle.forget(ctx, ref.at, version)
    state.put_policy(ctx.tx, ref.at, head.id, ref.qualifier, [])
    lifecycle.bury(ctx, ref.at, head.id, version.deployment)
