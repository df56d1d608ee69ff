"""What each Lambda operation needs. Source: Service Authorization Reference, 'Actions, resources, and condition keys for AWS Lambda'."""

from __future__ import annotations

from collections.abc import Iterable

from cumulet.auth.grants import Named
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.access import Access, Check, Keys
from cumulet.kernel.context import Context

from . import names, state
from .names import Place


def _function(ctx: Context, req: Json) -> str:
    """The function itself, whichever version is meant."""
    ref = names.function(req["FunctionName"], "", ctx.account, ctx.region)
    return names.function_arn(ref.at, ref.name)


def _qualified(ctx: Context, req: Json) -> str:
    """What is invoked: the function, or the version or alias that the request names."""
    return names.function(req["FunctionName"], req.get("Qualifier") or "", ctx.account, ctx.region).arn


def _policy(ctx: Context, req: Json) -> Named | None:
    """The policy that AddPermission has made for what is invoked."""
    ref = names.function(req["FunctionName"], req.get("Qualifier") or "", ctx.account, ctx.region)
    head = state.function(ctx.readable, ref.at, ref.name)
    found = state.policy(ctx.readable, ref.at, head.id, ref.qualifier) if head is not None else None
    return Named(f"{ref.arn}, its policy", found.compiled) if found is not None else None


def _layer(ctx: Context, req: Json) -> str:
    return _layer_arn(ctx, req["LayerName"])


def _layer_version(ctx: Context, req: Json) -> str:
    if "Arn" in req:
        arn: str = req["Arn"]
        return arn
    return f"{_layer_arn(ctx, req['LayerName'])}:{req['VersionNumber']}"


def _layer_arn(ctx: Context, name: str) -> str:
    try:
        ref = names.layer(name, 0, Place(ctx.account, ctx.region))
    except AwsError:
        return name  # the operation refuses it in Lambda's words
    return names.layer_arn(ref.at, ref.name)


def _passing(ctx: Context, req: Json) -> Iterable[Check]:
    """Handing a role to a function needs iam:PassRole, using a layer lambda:GetLayerVersion."""
    if req.get("Role"):
        yield Check("iam:PassRole", req["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})
    for layer in req.get("Layers") or ():
        yield Check("lambda:GetLayerVersion", layer)


def _layers(ctx: Context, req: Json) -> Keys:
    return {"lambda:Layer": list(req["Layers"])} if req.get("Layers") else {}


def _principal(ctx: Context, req: Json) -> Keys:
    return {"lambda:Principal": req["Principal"]} if req.get("Principal") else {}


def _on_function(*operations: str) -> dict[str, Access]:
    return {operation: Access(f"lambda:{operation}", _function) for operation in operations}


TABLE: dict[str, Access] = {
    **_on_function(
        "DeleteFunction",
        "DeleteFunctionConcurrency",
        "GetFunction",
        "GetFunctionConcurrency",
        "GetFunctionConfiguration",
        "GetPolicy",
        "ListVersionsByFunction",
        "PublishVersion",
        "PutFunctionConcurrency",
        "RemovePermission",
        "UpdateFunctionCode",
    ),
    "AddPermission": Access("lambda:AddPermission", _function, keys=_principal),
    "CreateFunction": Access("lambda:CreateFunction", _function, keys=_layers, also=_passing),
    "DeleteLayerVersion": Access("lambda:DeleteLayerVersion", _layer_version),
    "GetAccountSettings": Access("lambda:GetAccountSettings"),
    "GetLayerVersion": Access("lambda:GetLayerVersion", _layer_version),
    "GetLayerVersionByArn": Access("lambda:GetLayerVersion", _layer_version),
    "Invoke": Access("lambda:InvokeFunction", _qualified, policy=_policy),
    "ListFunctions": Access("lambda:ListFunctions"),
    "ListLayers": Access("lambda:ListLayers"),
    "ListLayerVersions": Access("lambda:ListLayerVersions"),
    "ListTags": Access("lambda:ListTags", "{Resource}"),
    "PublishLayerVersion": Access("lambda:PublishLayerVersion", _layer),
    "TagResource": Access("lambda:TagResource", "{Resource}"),
    "UntagResource": Access("lambda:UntagResource", "{Resource}"),
    "UpdateFunctionConfiguration": Access("lambda:UpdateFunctionConfiguration", _function, keys=_layers, also=_passing),
}
