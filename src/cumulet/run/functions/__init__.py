"""Lambda functions, really run: worker processes that speak the Lambda Runtime API, warm and isolated where the system allows.

    archive      a zip file into a directory
    runtimes     the interpreters of this machine
    pool         Functions: prepare, invoke, discard, close
    worker       one worker and its invocation
    launch       zygote or plain process
    runtime_api  the Runtime API's server
    logs report  what a function printed, what the platform says
    memory       control groups
    limits       how many workers, and as which user
    stage        directories for workers without a sandbox
    packages     the boto3 that functions find
    guest/       what runs inside a worker

It knows no AWS service: services/lambda gives it specifications and takes outcomes and log events.
"""

from .archive import BadArchive, unpack
from .pool import Functions
from .runtimes import Runtime, RuntimeMissing, find_runtime
from .spec import FunctionSpec, LogSink, Outcome, RuntimeUnavailable, TooManyWorkers, WorkerFailed

__all__ = [
    "BadArchive",
    "FunctionSpec",
    "Functions",
    "LogSink",
    "Outcome",
    "Runtime",
    "RuntimeMissing",
    "RuntimeUnavailable",
    "TooManyWorkers",
    "WorkerFailed",
    "find_runtime",
    "unpack",
]
