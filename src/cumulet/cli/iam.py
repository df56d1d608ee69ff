"""`cumulet iam why`: which statement of which policy decided about a request."""

from __future__ import annotations

import json
from typing import Any

import click

from cumulet.auth.policy.explain import lines

from . import remote


@click.group()
def command() -> None:
    """Look at what IAM decided."""


@command.command()
@click.argument("request_id")
@remote.port_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def why(request_id: str, port: int | None, as_json: bool) -> None:
    """Say why a request was allowed or refused.

    REQUEST_ID is in every answer and error: the AWS CLI prints it with --debug, boto3 has it in ResponseMetadata. Refusals are kept
    for 90 days, what was allowed as long as it is among the last few thousand calls.
    """
    given = remote.settings(port=port)
    remote.must_run(given)
    events: list[dict[str, Any]] = remote.call(given, "GET", f"/_cumulet/audit?request={request_id}")["events"]
    if not events:
        raise click.ClickException(f"Nothing is known of a request {request_id}.")
    if as_json:
        click.echo(json.dumps(events, indent=2))
        return
    for event in events:
        outcome = event.get("errorCode", "answered")
        click.echo(f"{event['eventTime']}  {event['eventSource']} {event['eventName']}: {outcome}")
        click.echo(f"  by {event['userIdentity']['arn']} ({event['userIdentity']['type']})")
        for decision in event.get("decisions", []):
            for line in lines(decision):
                click.echo(f"  {line}")
        if not event.get("decisions"):
            click.echo(
                "  No policy was asked: root may do everything in its account, and so did this call not need a permission."
            )
