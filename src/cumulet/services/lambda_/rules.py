"""Lambda's rules that its model cannot express, in AWS's words.

Source: AWS Lambda Developer Guide, 'Lambda quotas' and 'Using Lambda environment variables'.
"""

from __future__ import annotations

import json

from cumulet.base.arn import parse
from cumulet.base.errors import AwsError
from cumulet.base.types import Json

from . import errors
from .names import Place, parse_layer_arn
from .state import LayerUse, Package

MAX_MEMORY = 10240
MAX_TIMEOUT = 900
MAX_STORAGE = 10240
MAX_ENVIRONMENT = 4096
MAX_LAYERS = 5
MAX_TAGS = 50
MAX_ZIPPED = 52_428_800
MAX_UNZIPPED = 262_144_000
MAX_CODE_STORAGE = 80_530_636_800
MAX_POLICY = 20_480
MAX_SYNC_PAYLOAD = 6_291_456
MAX_ASYNC_PAYLOAD = 1_048_576
CONCURRENCY = 1000
MIN_UNRESERVED = 100

RESERVED_NAMES = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_MAX_CONCURRENCY", "AWS_LAMBDA_METADATA_API",
        "AWS_LAMBDA_METADATA_TOKEN", "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    )
)  # fmt: skip

_REFUSED = {
    "KMSKeyArn": "there is no KMS key to encrypt with.",
    "CodeSigningConfigArn": "code signing cannot be checked.",
    "ImageConfig": "container images cannot run.",
    "TenancyConfig": "tenants are not isolated from each other.",
    "CapacityProviderConfig": "there are no capacity providers.",
    "DurableConfig": "durable functions cannot run.",
    "RuntimeConfig": "runtime ARNs mean nothing here.",
    "AcceleratorConfig": "there are no accelerators.",
    "PublishTo": "there is no $LATEST.PUBLISHED.",
    "FileSystemConfigs": "there is no file system to mount.",
}


def settings(req: Json) -> None:
    """Check the settings in a CreateFunction or UpdateFunctionConfiguration request. Raises AwsError."""
    _refuse(req)
    _at_most("MemorySize", req.get("MemorySize"), MAX_MEMORY)
    _at_most("Timeout", req.get("Timeout"), MAX_TIMEOUT)
    _at_most("EphemeralStorage", (req.get("EphemeralStorage") or {}).get("Size"), MAX_STORAGE)
    environment((req.get("Environment") or {}).get("Variables") or {})
    layers = req.get("Layers") or []
    if len(layers) > MAX_LAYERS:
        raise errors.invalid(f"Cannot reference more than {MAX_LAYERS} layers.")


def _refuse(req: Json) -> None:
    for parameter, why in _REFUSED.items():
        if req.get(parameter):
            raise errors.missing(parameter, why)
    vpc = req.get("VpcConfig") or {}
    if vpc.get("SubnetIds") or vpc.get("SecurityGroupIds"):
        raise errors.missing("VpcConfig", "there are no subnets for a function to join.")
    if (req.get("DeadLetterConfig") or {}).get("TargetArn"):
        raise errors.missing("DeadLetterConfig", "dead letters are kept by Lambda itself (see the service's README).")
    if (req.get("SnapStart") or {}).get("ApplyOn") == "PublishedVersions":
        raise errors.missing("SnapStart", "snapshots of initialised functions are not taken.")
    logging = req.get("LoggingConfig") or {}
    if logging.get("LogFormat") == "JSON":
        raise errors.missing("LoggingConfig.LogFormat JSON", "logs are written as text.")
    if logging.get("ApplicationLogLevel") or logging.get("SystemLogLevel"):
        raise errors.invalid("To set ApplicationLogLevel or SystemLogLevel, the LogFormat must be JSON.")


def _at_most(name: str, value: int | None, limit: int) -> None:
    if value is not None and value > limit:
        raise errors.invalid(
            f"'{name}' value failed to satisfy constraint: Member must have value less than or equal to {limit}"
        )


def environment(variables: dict[str, str]) -> None:
    """Check environment variables: reserved names, 4 KB in all. Raises AwsError."""
    start = (
        "Lambda was unable to configure your environment variables because the environment variables you have provided"
    )
    reserved = [name for name in variables if name in RESERVED_NAMES]
    if reserved:
        raise errors.invalid(
            f"{start} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode("utf-8", "replace")) > MAX_ENVIRONMENT:
        raise errors.invalid(f"{start} exceeded the 4KB limit. String measured: {measured}")


def creation(req: Json) -> None:
    """Check what only CreateFunction says: package type, runtime and handler, code, tags. Raises AwsError."""
    if req.get("PackageType") == "Image":
        raise errors.invalid(
            "PackageType Image is not supported: Cumulet runs functions from .zip file archives, not from container images."
        )
    if not req.get("Runtime") or not req.get("Handler"):
        raise errors.invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    code(req["Code"])
    tags(req.get("Tags") or {})


def code(source: Json) -> None:
    """Check where code comes from: a zip file in the request, or an object. Raises AwsError."""
    if source.get("ImageUri"):
        raise errors.invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
    if source.get("SourceKMSKeyArn"):
        raise errors.missing("SourceKMSKeyArn", "there is no KMS key to decrypt with.")
    if source.get("S3ObjectStorageMode") == "REFERENCE":
        raise errors.missing("S3ObjectStorageMode REFERENCE", "code is always copied.")
    zipped, stored = source.get("ZipFile"), source.get("S3Bucket") or source.get("S3Key")
    if zipped is not None and stored:
        raise errors.invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if zipped is None and not (source.get("S3Bucket") and source.get("S3Key")):
        raise errors.invalid("Please provide a source for function code.")
    if zipped is not None and len(zipped) > MAX_ZIPPED:
        raise AwsError("RequestEntityTooLargeException", f"Zipped size must be smaller than {MAX_ZIPPED} bytes", 413)


def tags(values: dict[str, str]) -> None:
    """Check the tags that a resource would have. Raises AwsError."""
    if len(values) > MAX_TAGS:
        raise errors.invalid(f"Number of tags exceeds resource tag limit of {MAX_TAGS}.")
    if any(key.lower().startswith("aws:") for key in values):
        raise errors.invalid("Invalid tag key: the prefix aws: is reserved for AWS use.")


def role(arn: str, account: str) -> None:
    """Check that a role belongs to the function's account. Raises AwsError."""
    found = parse(arn)
    if found is None or found.account != account:
        raise errors.denied("Cross-account pass role is not allowed.")


def layers(arns: list[str], at: Place) -> None:
    """Check the ARNs of layer versions among themselves. Raises AwsError."""
    seen: dict[tuple[Place, str], str] = {}
    for arn in arns:
        ref = parse_layer_arn(arn)
        if ref is None or not ref.version:
            raise errors.invalid(f"Layer version {arn} does not exist.")
        if ref.at.region != at.region:
            raise errors.invalid(
                f"Layers are not in the same region as the function. Layers are expected to be in region {at.region}."
            )
        other = seen.setdefault((ref.at, ref.name), arn)
        if other != arn:
            message = "Two different versions of the same layer are not allowed to be referenced in the same function."
            raise errors.invalid(f"{message} {other} and {arn}")


def total_size(package: Package, uses: list[LayerUse]) -> None:
    """Check code and layers together, unzipped. Raises AwsError."""
    total = package.unzipped + sum(use.package.unzipped for use in uses)
    if total > MAX_UNZIPPED:
        raise errors.invalid(
            f"Function code combined with layers exceeds the maximum allowed size of {MAX_UNZIPPED} bytes. "
            f"The actual size is {total} bytes."
        )


def storage(used: int) -> None:
    """Check an account's code storage, in bytes. Raises AwsError."""
    if used > MAX_CODE_STORAGE:
        raise AwsError("CodeStorageExceededException", "Code storage limit exceeded.", 400, members={"Type": "User"})
