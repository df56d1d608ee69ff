"""`cumulet lab …`: list, start, check, solve and verify the guided labs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from cumulet.labs import catalog, runner
from cumulet.labs.api import Cloud
from cumulet.labs.catalog import Lab, LabError
from cumulet.labs.runner import Outcome

from . import remote


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as err:
            raise click.ClickException(str(err)) from err


@click.group(cls=_Group)
def command() -> None:
    """Guided labs, checked automatically."""


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_account_option = click.option("--account", help="The account to look at (default: the one noted by lab start).")


@command.command("list")
@_json_option
def list_labs(as_json: bool) -> None:
    """List the labs."""
    if as_json:
        rows = [
            {"name": lab.name, "number": lab.number, "title": lab.title, "minutes": lab.minutes}
            for lab in catalog.labs()
        ]
        click.echo(json.dumps(rows))
        return
    for lab in catalog.labs():
        click.echo(f"  {lab.number}  {click.style(lab.name, bold=True)}  {lab.title}  ({lab.minutes} minutes)")
        click.echo(f"      {lab.summary}")
    click.echo("\n  Begin with: cumulet lab start NAME")


@command.command()
@click.argument("name")
@remote.port_option
@click.option("--folder", type=click.Path(path_type=Path), help="Where to work (default: ./NAME).")
def start(name: str, port: int | None, folder: Path | None) -> None:
    """Begin a lab: a fresh account and a folder with steps and files."""
    lab = catalog.find(name)
    endpoint = remote.must_run(remote.settings(port=port))["endpoint"]
    cloud = runner.start(lab, endpoint, folder or Path(lab.name))
    flag = "" if port is None else f" --port {port}"
    click.echo(f"\n  {click.style(lab.title, bold=True)}\n\n  {lab.summary}\n")
    click.echo(f"  Your account is {cloud.account}. In the terminal you work in, type:\n")
    command_line = f'cd {cloud.folder} && eval "$(cumulet env{flag} --account {cloud.account})"'
    click.echo(f"    {click.style(command_line, fg='green')}\n")
    click.echo("  and follow the steps:\n")
    for step in lab.steps():
        click.echo(f"    {cloud.folder / step.name}")
    click.echo(f"\n  See how far you are with: cumulet lab check {lab.name}{flag}\n")


@command.command()
@click.argument("name")
@remote.port_option
@_account_option
@_json_option
def check(name: str, port: int | None, account: str | None, as_json: bool) -> None:
    """Check a lab in its account. Exit status 1 where something is missing."""
    lab = catalog.find(name)
    outcomes = list(runner.run_checks(lab, _cloud(lab, port, account), patience=2.0))
    _report({lab: outcomes}, as_json)


@command.command()
@click.argument("name")
@remote.port_option
@_account_option
def solve(name: str, port: int | None, account: str | None) -> None:
    """Do a lab's whole work, in its account."""
    lab = catalog.find(name)
    cloud = _cloud(lab, port, account)
    runner.solve(lab, cloud)
    click.echo(
        f"Solved in account {cloud.account}. Look at it with: cumulet lab check {lab.name} --account {cloud.account}"
    )


@command.command()
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every lab.")
@remote.port_option
@_json_option
def verify(names: tuple[str, ...], every: bool, port: int | None, as_json: bool) -> None:
    """Solve labs in fresh accounts and check them. Exit status 0 only if every check holds."""
    if not names and not every:
        raise click.UsageError("Name labs, or say --all.")
    chosen = catalog.labs() if every else [catalog.find(name) for name in names]
    endpoint = remote.must_run(remote.settings(port=port))["endpoint"]
    _report({lab: runner.verify(lab, endpoint) for lab in chosen}, as_json)


def _cloud(lab: Lab, port: int | None, account: str | None) -> Cloud:
    endpoint = remote.must_run(remote.settings(port=port))["endpoint"]
    account = account or runner.account_of(lab, Path.cwd())
    if account is None:
        raise LabError(f"Which account? Begin with: cumulet lab start {lab.name}, or give --account ID.")
    return Cloud(endpoint, account, Path.cwd())


def _report(results: dict[Lab, list[Outcome]], as_json: bool) -> None:
    good = all(outcome.finding.ok for outcomes in results.values() for outcome in outcomes)
    if as_json:
        labs = [
            {"lab": lab.name, "checks": [outcome.as_json() for outcome in outcomes]}
            for lab, outcomes in results.items()
        ]
        click.echo(json.dumps({"ok": good, "labs": labs}))
    else:
        for lab, outcomes in results.items():
            _print(lab, outcomes)
    if not good:
        sys.exit(1)


def _print(lab: Lab, outcomes: list[Outcome]) -> None:
    done = sum(outcome.finding.ok for outcome in outcomes)
    click.echo(f"\n  {click.style(lab.title, bold=True)}: {done} of {len(outcomes)} checks hold\n")
    for outcome in outcomes:
        mark = click.style("✓", fg="green") if outcome.finding.ok else click.style("✗", fg="red")
        click.echo(f"  {mark} {outcome.check.title}")
        if not outcome.finding.ok:
            click.echo(f"      saw     {outcome.finding.saw[:1000]}")
            click.echo(f"      wanted  {outcome.finding.wanted}")
            if outcome.finding.hint:
                click.echo(f"      hint    {outcome.finding.hint}")
    click.echo("")
