"""One invocation: from a version's record to what the worker gets, and back. The hot path of the service.

A spec is built once for a version's record, its reserved concurrency and a slot of time. Workers are pooled by slot too: a worker never
outlives the hour of its role's credentials, because its slot ends before them by more than the longest invocation.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from cumulet.base.errors import AwsError, CumuletError
from cumulet.kernel.context import Context
from cumulet.run.functions import FunctionSpec, Outcome, RuntimeUnavailable, TooManyWorkers

from . import errors, lifecycle, packages, roles
from .names import FunctionRef, Place, function_arn
from .state import Function, Version

SLOT = 2400
"""Seconds. Slot, longest invocation (900) and some slack lie within the credentials' 3600."""


async def run(
    ctx: Context,
    ref: FunctionRef,
    head: Function,
    version: Version,
    payload: bytes,
    *,
    request_id: str,
    client_context: str | None = None,
) -> Outcome:
    """Run a version. Raises AwsError where it cannot be started: no concurrency, no runtime, a role that is gone."""
    machine = ctx.machine
    config = version.config
    if config["State"] != "Active":
        raise _not_active(ref, version)
    slot = int(ctx.now + version.offset) // SLOT
    held = _held.get(version)
    if held is not None and held.slot == slot and held.spec.concurrency == head.reserved:
        spec = held.spec
    else:
        spec = await _prepare(ctx, ref.at, head, version, slot)

    def credentials() -> dict[str, str]:
        return roles.credentials(ctx, ref.at, head.name, config["Role"])

    try:
        return await machine.functions.invoke(
            spec, payload, request_id=request_id, credentials=credentials, client_context=client_context
        )
    except TooManyWorkers as err:
        reason = (
            "ReservedFunctionConcurrentInvocationLimitExceeded" if err.reserved else "ConcurrentInvocationLimitExceeded"
        )
        raise errors.throttled(reason) from err
    except RuntimeUnavailable as err:
        raise AwsError("InvalidRuntimeException", str(err), 502, members={"Type": "User"}) from err
    except AwsError:
        raise
    except CumuletError as err:
        raise AwsError(
            "ServiceException", f"The function could not be started: {err}", 500, members={"Type": "Service"}
        ) from err


def _not_active(ref: FunctionRef, version: Version) -> AwsError:
    current = version.config["State"]
    why = version.config.get("StateReason", "")
    message = (
        f"The operation cannot be performed at this time. The function is currently in the following state: {current}"
    )
    if current == "Failed" and why:
        message = f"The function {ref.arn} cannot be invoked because it is in the state {current}: {why}"
    return errors.conflict(message)


class _Held(NamedTuple):
    slot: int
    spec: FunctionSpec


# A version is the decoded record that the store keeps until its key changes: its spec goes with it.
_held: WeakKeyDictionary[Version, _Held] = WeakKeyDictionary()


async def _prepare(ctx: Context, at: Place, head: Function, version: Version, slot: int) -> FunctionSpec:
    for package in version.packages:
        await packages.ensure(ctx, package)
    spec = _spec(at, head, version, slot, packages.root(ctx.machine))
    _held[version] = _Held(slot, spec)
    return spec


def _spec(at: Place, head: Function, version: Version, slot: int, root: Path) -> FunctionSpec:
    config = version.config
    return FunctionSpec(
        key=f"{lifecycle.pool(at, version.function, version.deployment)}/{slot}",
        arn=function_arn(at, head.name, version.label if version.number else ""),
        name=head.name,
        version=version.label,
        account=at.account,
        region=at.region,
        runtime=config["Runtime"],
        handler=config["Handler"],
        code=root / version.package.digest,
        layers=tuple(root / use.package.digest for use in version.layers),
        memory_mb=config["MemorySize"],
        timeout=float(config["Timeout"]),
        tmp_mb=config["EphemeralStorage"]["Size"],
        environment=config.get("Environment", {}).get("Variables", {}),
        log_group=config["LoggingConfig"]["LogGroup"],
        concurrency=head.reserved,
        role=config["Role"],
    )
