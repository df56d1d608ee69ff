"""`cumulet status`: is a cloud running, and what is it?"""

from __future__ import annotations

import json
import sys

import click

from . import remote


@click.command()
@remote.port_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(port: int | None, as_json: bool) -> None:
    """Say whether a cloud is running, and where. Exit status 1 where none is."""
    given = remote.settings(port=port)
    info = remote.call(given, "GET", "/_cumulet/info")
    if as_json:
        click.echo(json.dumps({"running": info is not None, **(info or {})}))
    elif info is None:
        click.echo(f"No cloud is running on port {given.port}. Start one with: cumulet start")
    else:
        click.echo(f"Running at {info['endpoint']} (process {info['pid']}, version {info['version']}).")
        click.echo(f"  data        {info['data'] or 'in memory'}")
        click.echo(f"  durability  {info['durability']}")
        click.echo(f"  isolation   {info['isolation']}")
        if info["dead_letters"]:
            click.echo(f"  {len(info['dead_letters'])} undelivered events; see {info['endpoint']}/_cumulet/info")
    if info is None:
        sys.exit(1)
