"""`cumulet doctor`: what of Cumulet works on this machine, and what to do about the rest."""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from cumulet import app
from cumulet.config import Settings

from . import remote
from .aws import find_aws


@dataclass
class Finding:
    """One thing looked at: `ok`, `warning` (works less well) or `error` (does not work)."""

    name: str
    status: str
    found: str
    hint: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Look at this machine and say what works. Exit status 1 where something does not."""
    given = remote.settings()
    findings = [_python(), _data(given), _port(given), _isolation(), _runtimes(), _cli()]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            colour = {"ok": "green", "warning": "yellow", "error": "red"}[finding.status]
            click.echo(f"  {click.style(finding.status.ljust(8), fg=colour)} {finding.name.ljust(16)} {finding.found}")
            if finding.hint:
                click.echo(f"           {' ' * 16} {finding.hint}")
    if any(finding.status == "error" for finding in findings):
        sys.exit(1)


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} at {sys.executable}")


def _data(given: Settings) -> Finding:
    path = given.directory
    there = path
    while not there.exists():
        there = there.parent
    if os.access(there, os.W_OK):
        return Finding("data directory", "ok", str(path))
    return Finding("data directory", "error", f"{path} cannot be written", "Give another one: cumulet start --data DIR")


def _port(given: Settings) -> Finding:
    try:
        info = remote.call(given, "GET", "/_cumulet/info")
    except click.ClickException as err:
        return Finding("port", "error", err.message, "Take another port: cumulet start --port 4600")
    if info is None:
        return Finding("port", "ok", f"{given.port} is free; no cloud is running")
    return Finding("port", "ok", f"a cloud is running at {info['endpoint']}")


def _isolation() -> Finding:
    found = app.isolation()
    if found == "none":
        return Finding(
            "isolation",
            "warning",
            "none: functions run as you and can read your files",
            "On Linux run as root, or allow unprivileged user namespaces.",
        )
    return Finding("isolation", "ok", found)


def _runtimes() -> Finding:
    found = app.runtimes()
    if not found:
        return Finding(
            "runtimes", "error", "no Python interpreter for functions was found", "Install Python 3.9 or newer."
        )
    return Finding("runtimes", "ok", ", ".join(found))


def _cli() -> Finding:
    program = find_aws()
    if program is None:
        return Finding("aws cli", "warning", "not found", "pip install awscli")
    return Finding("aws cli", "ok", str(Path(program)))
