"""Write `src/cumulet/wire/catalog.py` from the models that botocore ships: run it after an upgrade of botocore."""

from __future__ import annotations

import sys
from pathlib import Path

from cumulet.wire import models

SERVICES = [
    "s3",
    "dynamodb",
    "dynamodbstreams",
    "lambda",
    "apigateway",
    "apigatewayv2",
    "cognito-idp",
    "cognito-identity",
    "iam",
    "sts",
    "logs",
    "cloudwatch",
    "sns",
    "sqs",
    "kinesis",
    "firehose",
    "kinesisanalytics",
    "athena",
    "glue",
    "emr",
    "redshift",
    "redshift-data",
    "machinelearning",
    "sagemaker",
    "sagemaker-runtime",
    "ecs",
    "ecr",
    "elbv2",
    "elb",
    "autoscaling",
    "elasticbeanstalk",
    "ec2",
    "cloudformation",
    "codecommit",
    "codebuild",
    "codepipeline",
    "cloud9",
    "events",
    "secretsmanager",
    "ssm",
    "kms",
    "stepfunctions",
]

HEAD = '''"""The services that Cumulet plans, and what is needed to recognise their requests before a model is read.

Written by `tools/make_catalog.py` from botocore's models; a test compares the two.
"""

from __future__ import annotations

from typing import NamedTuple

 class Entry(NamedTuple):
"""A service. `name` is botocore's folder name; `protocols` are what its endpoint speaks, the preferred first."""

    name: str
    api_version: str
    protocols: tuple[str, ...]
    endpoint_prefix: str
    signing_name: str
    target_prefix: str | None
    json_version: str
    global_endpoint: bool


CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
'''


def row(service: str) -> str:
    """One line of the table."""
    metadata = models.load(service).metadata
    fields = (
        service,
        metadata["apiVersion"],
        tuple(metadata.get("protocols") or [metadata["protocol"]]),
        metadata["endpointPrefix"],
        metadata.get("signingName", metadata["endpointPrefix"]),
        metadata.get("targetPrefix"),
        metadata.get("jsonVersion", ""),
        "globalEndpoint" in metadata,
    )
    return "Entry(" + ", ".join(_text(field) for field in fields) + "),"


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_text, value)) + ("," if len(value) == 1 else "") + ")"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def render() -> str:
    """The module's whole text."""
    return HEAD + "".join(f"        {row(service)}\n" for service in SERVICES) + "    )\n}\n"


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "src" / "cumulet" / "wire" / "catalog.py"
    target.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"{target}: {len(SERVICES)} services\n")
