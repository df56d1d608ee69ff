"""`cumulet logs`: the server's own log (a function's output is in CloudWatch Logs)."""

from __future__ import annotations

import time
from collections import deque

import click

from . import remote


@click.command()
@remote.port_option
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("-n", "--lines", default=50, show_default=True, help="How many lines to begin with.")
def command(port: int | None, follow: bool, lines: int) -> None:
    """Show the server's own log. A function's output is in CloudWatch Logs, under /aws/lambda/NAME."""
    given = remote.settings(port=port)
    path = remote.log_file(given.port)
    if not path.exists():
        raise click.ClickException(f"There is no log of a cloud on port {given.port} ({path}).")
    with path.open(errors="replace") as log:
        for line in deque(log, maxlen=max(lines, 0)):
            click.echo(line, nl=False)
        while follow:
            line = log.readline()
            if line:
                click.echo(line, nl=False)
            else:
                time.sleep(0.2)
