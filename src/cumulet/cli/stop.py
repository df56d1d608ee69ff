"""`cumulet stop`: end a running cloud and wait until it has ended."""

from __future__ import annotations

import os
import time

import click

from . import remote


@click.command()
@remote.port_option
def command(port: int | None) -> None:
    """Stop a running cloud: requests end, data is flushed."""
    given = remote.settings(port=port)
    info = remote.call(given, "GET", "/_cumulet/info")
    if info is None:
        click.echo(f"No cloud is running on port {given.port}.")
        return
    remote.call(given, "POST", "/_cumulet/stop")
    until = time.monotonic() + 10
    while _alive(info["pid"]) and time.monotonic() < until:
        time.sleep(0.02)
    if _alive(info["pid"]):
        raise click.ClickException(f"The cloud (process {info['pid']}) has not ended after 10 seconds.")
    click.echo("Stopped.")


def _alive(pid: int) -> bool:
    # The server may be a child of nobody who waits for it: a zombie has ended too.
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return _signalled(pid)


def _signalled(pid: int) -> bool:
    if os.path.isdir("/proc/self"):  # noqa: PTH112
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
