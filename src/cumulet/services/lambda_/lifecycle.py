"""What follows a change of a function: new code is made ready before the function is Active, old workers and packages go.

Events: `lambda.activate` after a version was written, `lambda.retire` after a function or a version was deleted. Job: `lambda.sweep`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from cumulet.base.errors import CumuletError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import consumer, job
from cumulet.run.functions import RuntimeMissing, find_runtime

from . import configuration, packages, state
from .names import Place
from .state import Version

log = logging.getLogger(__name__)

PAGE = 100
"""Versions that one transaction retires."""


def pool(at: Place, function_id: str, deployment: str = "") -> str:
    """The key of a deployment's workers, or the prefix of all keys of a function."""
    return f"{at.account}/{at.region}/{function_id}/{deployment}"


def write(ctx: Context, at: Place, version: Version, replaces: str = "") -> None:
    """Write a version that has to be made ready; the workers of the deployment that it replaces go once it is."""
    state.put_version(ctx.tx, at, version)
    detail = {
        "Function": version.function,
        "Number": version.number,
        "Deployment": version.deployment,
        "Replaces": replaces,
    }
    ctx.emit("lambda.activate", {**detail, "Account": at.account, "Region": at.region})


async def write_in(ctx: Context, change: Callable[[Context], Json]) -> Json:
    """Make a change that writes versions, and give their activation its turn before the client hears of the change.

    The answer says Pending or InProgress as AWS's does; where everything is at hand the client's next call finds it done.
    """
    answer = ctx.transact(change)
    await asyncio.sleep(0)
    return answer


def bury(ctx: Context, at: Place, function_id: str, deployment: str = "") -> None:
    """Have the workers of a deployment go, or without one the workers and everything else of a function."""
    ctx.emit(
        "lambda.retire", {"Function": function_id, "Deployment": deployment, "Account": at.account, "Region": at.region}
    )


@consumer("activate")
async def activate(ctx: Context, detail: Json) -> None:
    """Make a version ready to run and say so in its State."""
    at = Place(detail["Account"], detail["Region"])
    version = state.version(ctx.machine.kv.begin(), at, detail["Function"], detail["Number"])
    if version is None or version.deployment != detail["Deployment"]:
        return
    problem = await _prepare(ctx, version)

    def settle(inside: Context) -> None:
        now = state.version(inside.tx, at, detail["Function"], detail["Number"])
        if now is not None and now.deployment == detail["Deployment"]:
            config = configuration.failed(now.config, *problem) if problem else configuration.ready(now.config)
            state.put_version(inside.tx, at, replace(now, config=config))

    ctx.transact(settle)
    if detail["Replaces"]:
        await _discard(ctx, pool(at, detail["Function"], detail["Replaces"]))
    if problem is None:
        # The first worker of a runtime waits for its zygote: have that ready before anybody calls.
        await ctx.machine.functions.prepare(version.config["Runtime"])


async def _prepare(ctx: Context, version: Version) -> tuple[str, str] | None:
    """Have the code there; None, or why it cannot be with AWS's code for that."""
    # The request that wrote the version has looked for it: found interpreters are remembered.
    runtime = find_runtime(version.config["Runtime"])
    if isinstance(runtime, RuntimeMissing):
        return runtime.message, "InvalidRuntime"
    try:
        for package in version.packages:
            await packages.ensure(ctx, package)
    except (CumuletError, OSError) as err:
        log.error("the code of %s cannot be made ready: %s", version.function, err)
        return f"The function's code could not be unpacked: {err}", "InternalError"
    return None


@consumer("retire")
async def retire(ctx: Context, detail: Json) -> None:
    """Let go of workers; of a whole function also of its versions, packages and records."""
    at = Place(detail["Account"], detail["Region"])
    await _discard(ctx, pool(at, detail["Function"], detail["Deployment"]))
    if detail["Deployment"]:
        return
    while ctx.transact(lambda inside: _retire_page(inside, at, detail["Function"])):
        pass


def _retire_page(ctx: Context, at: Place, function_id: str) -> bool:
    page = state.versions(ctx.tx, at, function_id, 0, PAGE)
    for version in page:
        forget(ctx, at, version)
    if len(page) == PAGE:
        return True
    state.clear_function(ctx.tx, at, function_id)
    return False


def forget(ctx: Context, at: Place, version: Version) -> None:
    """Delete a version and let go of its packages."""
    for package in version.packages:
        packages.drop(ctx, package)
    state.add_usage(ctx.tx, at, code=-version.package.size)
    state.delete_version(ctx.tx, at, version.function, version.number)


async def _discard(ctx: Context, prefix: str) -> None:
    functions = ctx.machine.started_functions
    if functions is not None:
        await functions.discard(prefix)


@job("sweep")
async def sweep(ctx: Context, detail: Json) -> None:
    """Remove the directory of a package that nobody holds any more."""
    await packages.sweep(ctx, detail["digest"])
