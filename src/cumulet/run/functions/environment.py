"""The environment variables of a worker. Source: AWS Lambda Developer Guide, 'Defined runtime environment variables'."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .spec import FunctionSpec

_OVERRIDABLE = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
}


@dataclass(frozen=True, slots=True)
class Places:
    """Where a worker finds its directories: Lambda's own paths in a sandbox, the real ones in a plain process."""

    task: str
    opt: str
    runtime: str
    tmp: str | None


def build(
    spec: FunctionSpec, places: Places, endpoint: str, credentials: dict[str, str], stream: str
) -> dict[str, str]:
    """The whole environment of a new worker: defaults, the user's variables, then what the user may not set."""
    env = dict(_OVERRIDABLE)
    env["AWS_ENDPOINT_URL"] = endpoint
    env["PYTHONPATH"] = places.runtime
    if places.tmp is not None:
        env["TMPDIR"] = places.tmp
        env["PATH"] += os.pathsep + os.environ.get("PATH", "")
        del env["LD_LIBRARY_PATH"]
    env.update(spec.environment)
    env.update(credentials)
    env.update(
        _HANDLER=spec.handler,
        AWS_REGION=spec.region,
        AWS_DEFAULT_REGION=spec.region,
        AWS_EXECUTION_ENV=f"AWS_Lambda_{spec.runtime}",
        AWS_LAMBDA_FUNCTION_NAME=spec.name,
        AWS_LAMBDA_FUNCTION_VERSION=spec.version,
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE=str(spec.memory_mb),
        AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
        AWS_LAMBDA_LOG_GROUP_NAME=spec.log_group,
        AWS_LAMBDA_LOG_STREAM_NAME=stream,
        AWS_LAMBDA_RUNTIME_API="127.0.0.1:9001",
        LAMBDA_TASK_ROOT=places.task,
        LAMBDA_RUNTIME_DIR=places.runtime,
        _CUMULET_OPT=places.opt,
    )
    return env
