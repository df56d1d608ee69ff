"""`cumulet reset`: delete everything in a running cloud."""

from __future__ import annotations

import click

from . import remote


@click.command()
@remote.port_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(port: int | None, yes: bool) -> None:
    """Delete everything in the cloud: every account's buckets, functions, logs and roles."""
    given = remote.settings(port=port)
    info = remote.must_run(given)
    if not yes:
        click.confirm(
            f"Delete everything in the cloud at {info['endpoint']} ({info['data'] or 'in memory'})?", abort=True
        )
    remote.call(given, "POST", "/_cumulet/reset", timeout=60)
    click.echo("The cloud is empty.")
