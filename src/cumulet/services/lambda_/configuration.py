"""A function's configuration: what a request changes in it, and how AWS shows it.

Source: AWS Lambda API Reference, 'FunctionConfiguration'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cumulet.base.clock import at as moment
from cumulet.base.types import Json

from . import packages
from .names import Place, function_arn
from .state import LayerUse, Version

_PLAIN = ("Role", "Handler", "Description", "Timeout", "MemorySize", "Runtime")
_UPDATE = ("LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode")
_CREATION = ("StateReason", "StateReasonCode")
_VOLATILE = {"State", *_CREATION, *_UPDATE, "RevisionId", "LastModified", "Description"}


def timestamp(now: float) -> str:
    """Lambda's own format: `2026-01-31T12:00:00.123+0000`."""
    return moment(now).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def new(name: str, req: Json) -> Json:
    """The configuration of a function to come."""
    config: Json = {
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "PackageType": "Zip",
        "Architectures": req.get("Architectures") or ["x86_64"],
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
    }
    return changed(config, req)


def changed(config: Json, req: Json) -> Json:
    """`config` with the settings that a request names."""
    out = dict(config)
    for member in _PLAIN:
        if req.get(member) is not None:
            out[member] = req[member]
    if req.get("Environment") is not None:
        out.pop("Environment", None)
        if variables := req["Environment"].get("Variables"):
            out["Environment"] = {"Variables": variables}
    if (mode := (req.get("TracingConfig") or {}).get("Mode")) is not None:
        out["TracingConfig"] = {"Mode": mode}
    if (storage := req.get("EphemeralStorage")) is not None:
        out["EphemeralStorage"] = {"Size": storage["Size"]}
    if (group := (req.get("LoggingConfig") or {}).get("LogGroup")) is not None:
        out["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": group}
    return out


def pending(config: Json) -> Json:
    """`config` of a version whose code is being made ready."""
    reasons = {"StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    return {**_without(config, (*_CREATION, *_UPDATE)), "State": "Pending", **reasons}


def in_progress(config: Json) -> Json:
    """`config` of a function that is being updated."""
    reasons = {"LastUpdateStatusReason": "The function is being created.", "LastUpdateStatusReasonCode": "Creating"}
    return {**_without(config, _UPDATE), "LastUpdateStatus": "InProgress", **reasons}


def ready(config: Json) -> Json:
    """`config` of a version that can run."""
    return {**_without(config, (*_CREATION, *_UPDATE)), "State": "Active", "LastUpdateStatus": "Successful"}


def failed(config: Json, reason: str, code: str) -> Json:
    """`config` of a version that cannot run. `code` is one of AWS's StateReasonCode values."""
    status = {"LastUpdateStatus": "Failed", "LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}
    return {**config, "State": "Failed", "StateReason": reason, "StateReasonCode": code, **status}


def _without(config: Json, members: Sequence[str]) -> Json:
    return {key: value for key, value in config.items() if key not in members}


def same(one: Version, other: Version) -> bool:
    """Whether two versions have the same code and settings: PublishVersion makes no new version then."""
    return (
        one.package == other.package and one.layers == other.layers and _settings(one.config) == _settings(other.config)
    )


def _settings(config: Json) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _VOLATILE}


def show(at: Place, name: str, version: Version, qualifier: str = "") -> Json:
    """A version as AWS shows it; the ARN carries `qualifier`."""
    out = {
        "FunctionName": name,
        "FunctionArn": function_arn(at, name, qualifier),
        **version.config,
        "Version": version.label,
        "CodeSize": version.package.size,
        "CodeSha256": packages.sha256(version.package),
    }
    if version.layers:
        out["Layers"] = [_show_layer(use) for use in version.layers]
    return out


def _show_layer(use: LayerUse) -> Json:
    return {"Arn": use.arn, "CodeSize": use.package.size}
