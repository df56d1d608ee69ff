"""`cumulet env`: what a shell must hear so that every AWS tool speaks to the cloud.

The endpoint is the address, not `localhost`: SDKs then use path-style buckets, which need no resolver.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from cumulet.base.context import DEFAULT_REGION

from . import remote

UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


@click.command()
@remote.port_option
@click.option(
    "--shell", type=click.Choice(["sh", "fish", "powershell"]), help="Whose syntax (default: guessed from $SHELL)."
)
@click.option("--account", default="test", help="An account's 12-digit id (default: test, the account 000000000000).")
@click.option("--region", default=DEFAULT_REGION, show_default=True)
@click.option("--profile", is_flag=True, help="Write a profile named cumulet to ~/.aws instead.")
def command(port: int | None, shell: str | None, account: str, region: str, profile: bool) -> None:
    """Print the variables that point AWS tools at the cloud: eval "$(cumulet env)"."""
    if account != "test" and not re.fullmatch(r"\d{12}", account):
        raise click.ClickException("An account's id has 12 digits, for example 123456789012.")
    url = remote.endpoint(remote.settings(port=port))
    if profile:
        for path in write_profile(Path.home() / ".aws", url, account, region):
            click.echo(f"Wrote the profile 'cumulet' to {path}.")
        click.echo("Use it with: aws --profile cumulet s3 ls")
        return
    click.echo(render(shell or _shell(), variables(url, account, region)))


def variables(url: str, account: str = "test", region: str = DEFAULT_REGION) -> dict[str, str]:
    """The variables and their values."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def render(shell: str, values: dict[str, str]) -> str:
    """Commands that set `values` and unset what would win over them."""
    if shell == "fish":
        lines = [f"set -gx {name} '{value}';" for name, value in values.items()] + [f"set -e {name};" for name in UNSET]
    elif shell == "powershell":
        lines = [f"$Env:{name} = '{value}'" for name, value in values.items()]
        lines += [f"Remove-Item Env:{name} -ErrorAction SilentlyContinue" for name in UNSET]
    else:
        lines = [f"export {name}='{value}'" for name, value in values.items()] + [f"unset {' '.join(UNSET)}"]
    return "\n".join(lines)


def _shell() -> str:
    if os.name == "nt" or ("PSModulePath" in os.environ and "SHELL" not in os.environ):
        return "powershell"
    return "fish" if os.environ.get("SHELL", "").endswith("fish") else "sh"


def write_profile(directory: Path, url: str, account: str, region: str) -> list[Path]:
    """Put a profile `cumulet` into AWS's two files, leaving everything else in them as it was. Returns the paths."""
    directory.mkdir(mode=0o700, exist_ok=True)
    config = {"region": region, "endpoint_url": url, "output": "json"}
    credentials = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
    written = []
    for name, header, values in (("config", "profile cumulet", config), ("credentials", "cumulet", credentials)):
        path = directory / name
        before = path.read_text() if path.exists() else ""
        fresh = path.with_suffix(".cumulet-new")
        fresh.touch(mode=0o600)
        fresh.write_text(replace_section(before, header, values))
        fresh.replace(path)
        written.append(path)
    return written


def replace_section(text: str, header: str, values: dict[str, str]) -> str:
    """`text` with the section `[header]` replaced, or added at the end."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            inside = line.strip() == f"[{header}]"
        if not inside:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    section = [f"[{header}]", *(f"{name} = {value}" for name, value in values.items())]
    return "\n".join([*kept, *([""] if kept else []), *section]) + "\n"
