"""Versions: numbered copies of $LATEST that never change. Source: AWS Lambda API Reference, 'PublishVersion'."""

from __future__ import annotations

from dataclasses import replace

from cumulet.base import ids
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import configuration, errors, lifecycle, lookup, packages, paging, rules, state
from ..names import Place
from ..state import Function, Version

MAX_PAGE = 50


def publish(
    ctx: Context, at: Place, head: Function, latest: Version, description: str | None = None
) -> tuple[Function, Version]:
    """A new version that copies `latest`, or the newest one where nothing has changed since. The head returned is to be written."""
    newest = state.newest_published(ctx.tx, at, head.id)
    if newest is not None and configuration.same(newest, latest):
        return head, newest
    config = configuration.pending({**latest.config, "RevisionId": ids.request_id()})
    if description is not None:
        config["Description"] = description
    version = replace(latest, number=head.next_version, deployment=ids.hexid(8), config=config)
    for package in version.packages:
        packages.hold_again(ctx, package)
    rules.storage(state.add_usage(ctx.tx, at, code=version.package.size).code)
    lifecycle.write(ctx, at, version)
    return replace(head, next_version=head.next_version + 1), version


@operation
async def publish_version(ctx: Context, req: Json) -> Json:
    """Publish $LATEST."""
    return await lifecycle.write_in(ctx, lambda inside: _publish_version(inside, req))


def _publish_version(ctx: Context, req: Json) -> Json:
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref)
    latest = lookup.version(ctx.tx, ref._replace(qualifier=""), head)
    lookup.revision(req, latest)
    wanted = req.get("CodeSha256")
    actual = packages.sha256(latest.package)
    if wanted and wanted != actual:
        raise errors.invalid(
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({actual}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    lookup.idle(ref, latest)
    head, version = publish(ctx, ref.at, head, latest, req.get("Description"))
    state.put_function(ctx.tx, ref.at, head)
    return configuration.show(ref.at, ref.name, version, version.label)


@operation
def list_versions_by_function(ctx: Context, req: Json) -> Json:
    """$LATEST and the published versions, in the order of their numbers."""
    ref = lookup.owned(ctx, req)
    head = lookup.function(ctx.tx, ref)
    limit = min(req.get("MaxItems") or MAX_PAGE, MAX_PAGE)
    _, first = paging.pair(req.get("Marker"))
    found = state.versions(ctx.tx, ref.at, head.id, first, limit + 1)
    shown = [configuration.show(ref.at, ref.name, version, version.label) for version in found[:limit]]
    return paging.page("Versions", shown, paging.marker(ref.name, found[limit].number) if len(found) > limit else None)
