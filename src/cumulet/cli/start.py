"""`cumulet start`: run the cloud in the foreground, or leave it running with --detach."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from cumulet import __version__, app
from cumulet.base.errors import CumuletError
from cumulet.config import Settings

from . import remote

LOOPBACK = ("localhost", "::1", "")
DURABILITY = {
    "process": "process  (survives kill -9; a power cut may take the last second)",
    "commit": "commit  (every answered write is on the disk)",
    "none": "none  (everything is forgotten at the end)",
}


@click.command()
@click.option("--host", help="The address to listen on (default: 127.0.0.1 and ::1).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port (default: 4566; 0 takes a free one).")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The directory that holds the cloud.")
@click.option("--ephemeral", is_flag=True, default=None, help="Keep everything in memory, forget it at the end.")
@click.option("--detach", is_flag=True, help="Leave the cloud running and return.")
@click.option(
    "--durability", type=click.Choice(["process", "commit"]), help="What a crash may cost; see docs/durability.md."
)
@click.option("--credentials", type=click.Choice(["known", "any"]), help="'any' takes every key pair as root.")
@click.option(
    "--iam", type=click.Choice(["enforce", "warn", "off"]), help="Whether policies of users and roles are enforced."
)
@click.option("--allow-remote", is_flag=True, default=None, help="Let --host be an address that others can reach.")
@click.option("--allow-host", multiple=True, help="A further host name that requests may be for.")
@click.option("--allow-origin", multiple=True, help="A page's origin (https://app.example) that may call the cloud.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="How much to log.")
@click.option("--json", "as_json", is_flag=True, help="Print the start screen as JSON.")
@click.option("--ready-fd", type=int, hidden=True, help="Write the start screen's data here once the cloud answers.")
def command(detach: bool, as_json: bool, ready_fd: int | None, **flags: Any) -> None:
    """Start the cloud."""
    given = remote.settings(**{name: value for name, value in flags.items() if value != ()})
    _check_host(given)
    if detach:
        _detach(given, flags, as_json)
        return
    _run(given, as_json, ready_fd)


def _check_host(given: Settings) -> None:
    if given.allow_remote or given.host in LOOPBACK or given.host.startswith("127."):
        return
    raise click.ClickException(
        f"--host {given.host} lets every machine that reaches this one use your cloud, run functions on it and read its data: "
        "its default keys are public. Add --allow-remote if you mean that."
    )


def _run(given: Settings, as_json: bool, ready_fd: int | None) -> None:
    def started(cloud: app.Cloud) -> None:
        _log_to_file(cloud.port, given.log_level)
        facts = _facts(cloud)
        if ready_fd is not None:
            os.write(ready_fd, json.dumps(facts).encode() + b"\n")
            os.close(ready_fd)
        click.echo(json.dumps(facts) if as_json else screen(facts))

    _log_to_screen(given.log_level)
    try:
        app.run(given, started)
    except CumuletError as err:
        raise click.ClickException(str(err)) from err


def _facts(cloud: Any) -> dict[str, Any]:
    given: Settings = cloud.settings
    return {
        "version": __version__,
        "endpoint": cloud.machine.endpoint,
        "pid": os.getpid(),
        "data": None if given.ephemeral else str(given.directory),
        "durability": "none" if given.ephemeral else given.durability,
        "isolation": cloud.machine.isolation,
        "log": str(remote.log_file(cloud.port)),
    }


def screen(facts: dict[str, Any]) -> str:
    """The start screen."""
    port = facts["endpoint"].rpartition(":")[2]
    flag = "" if port == "4566" else f" --port {port}"
    isolation = facts["isolation"]
    if isolation == "none":
        isolation = "none  (functions run as you and can read your files)"
    lines = [
        "",
        f"  {click.style('Cumulet', bold=True)} {facts['version']}: your cloud is running.",
        "",
        f"  endpoint    {click.style(facts['endpoint'], fg='cyan')}",
        f"  data        {facts['data'] or 'in memory'}",
        f"  durability  {DURABILITY[facts['durability']]}",
        f"  isolation   {isolation}",
        f"  log         {facts['log']}",
        "",
        "  Next, in another terminal:",
        "",
        f"    {click.style(f'eval {chr(34)}$(cumulet env{flag}){chr(34)}', fg='green')}",
        f"    {click.style('aws s3 mb s3://photos', fg='green')}",
        "",
        f"  Learn with a guided lab: cumulet lab list.  Stop: Ctrl-C, or cumulet stop{flag}.",
        "",
    ]
    return "\n".join(lines)


def _detach(given: Settings, flags: dict[str, Any], as_json: bool) -> None:
    read, write = os.pipe()
    command_line = [sys.executable, "-m", "cumulet", "start", "--ready-fd", str(write)]
    for name, value in flags.items():
        if value is True:
            command_line.append(f"--{name.replace('_', '-')}")
        elif isinstance(value, tuple):
            command_line += [word for one in value for word in (f"--{name.replace('_', '-')}", one)]
        elif value is not None and value is not False:
            command_line += [f"--{name.replace('_', '-')}", str(value)]
    remote.state_directory().mkdir(parents=True, exist_ok=True)
    with (remote.state_directory() / "start.log").open("wb+") as output:
        child = subprocess.Popen(
            command_line,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(write,),
            start_new_session=True,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            line = pipe.readline()
        if not line:
            child.wait()
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            raise click.ClickException(text.removeprefix("Error: ") or "the server ended at once")
    click.echo(line.strip() if as_json else screen(json.loads(line)))


def _log_to_screen(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )


def _log_to_file(port: int, level: str) -> None:
    path = remote.log_file(port)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=1)
    except OSError as err:
        logging.getLogger(__name__).warning("no log file: %s", err)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.setLevel(level.upper())
    logging.getLogger().addHandler(handler)
