"""`cumulet wire`: the Python that was generated for an operation, for who wants to know what happens to a request."""

from __future__ import annotations

import click

from cumulet import app


@click.command()
@click.argument("service")
@click.argument("operation")
def command(service: str, operation: str) -> None:
    """Print the generated parser and serialiser of SERVICE's OPERATION, e.g. `cumulet wire s3 PutObject`."""
    try:
        click.echo(app.wire_source(service, operation))
    except LookupError as err:
        raise click.ClickException(str(err)) from err
