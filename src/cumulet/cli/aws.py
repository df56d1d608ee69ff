"""`cumulet aws …`: the AWS CLI, whichever version is there, pointed at the cloud.

Version 1 from before 2023 knows no AWS_ENDPOINT_URL, so the endpoint is passed as a flag too.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from . import remote
from .env import UNSET, variables


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Run the AWS CLI against the cloud: cumulet aws s3 ls."""
    given = remote.settings()
    url = remote.endpoint(given)
    program = find_aws()
    if program is None:
        raise click.ClickException("There is no AWS CLI on this machine. Install one with: pip install awscli")
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    own = variables(url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        # Whoever works as another user or in another region of this cloud goes on doing so.
        own[name] = os.environ.get(name, own[name]) if os.environ.get("AWS_ENDPOINT_URL") == url else own[name]
    if os.environ.get("AWS_ENDPOINT_URL") == url and "AWS_SESSION_TOKEN" in os.environ:
        own["AWS_SESSION_TOKEN"] = os.environ["AWS_SESSION_TOKEN"]
    os.execve(program, [program, "--endpoint-url", url, *arguments], {**env, **own})  # noqa: S606


def find_aws() -> str | None:
    """The path of an AWS CLI: the one beside our own interpreter, else the first on PATH that is not ours."""
    beside = Path(sys.executable).parent / "aws"
    return str(beside) if beside.exists() else shutil.which("aws")
