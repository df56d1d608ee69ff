"""`cumulet`: the group of commands. A command's module is imported when it is called, so that `--help` starts at
once."""

from __future__ import annotations

import importlib

import click

from cumulet import __version__

COMMANDS = {
    "start": "Start the cloud.",
    "stop": "Stop a running cloud.",
    "status": "Say whether a cloud is running, and where.",
    "logs": "Show the server's log.",
    "env": "Print the variables that point AWS tools at the cloud.",
    "aws": "Run the AWS CLI against the cloud.",
    "reset": "Delete everything in the cloud.",
    "doctor": "Look at this machine and say what works.",
    "iam": "Say why a request was allowed or refused.",
    "lab": "Guided labs, checked automatically.",
    "wire": "Print the code that was generated for an operation.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"cumulet.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="cumulet %(version)s")
def main() -> None:
    """A whole cloud on one machine: AWS's APIs on localhost, executed for real."""
