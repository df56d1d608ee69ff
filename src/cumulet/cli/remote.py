"""How commands find a running cloud and talk to it."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path
from typing import Any

import click

from cumulet.config import ConfigError, Settings, load


def settings(**flags: Any) -> Settings:
    """The settings in force; a wrong one ends the command in one line."""
    try:
        return load(flags)
    except ConfigError as err:
        raise click.ClickException(str(err)) from err


def port_option(command: Any) -> Any:
    """`--port` for commands that talk to a running cloud."""
    return click.option(
        "--port", type=click.IntRange(1, 65535), help="The port of the cloud (default: 4566 or CUMULET_PORT)."
    )(command)


def host_of(given: Settings) -> str:
    """The address that reaches a cloud listening on its `host`."""
    return "127.0.0.1" if given.host in ("", "0.0.0.0", "::", "localhost") else given.host  # noqa: S104


def endpoint(given: Settings) -> str:
    """The URL of the cloud that these settings speak of."""
    host = host_of(given)
    return f"http://{f'[{host}]' if ':' in host else host}:{given.port}"


def call(given: Settings, method: str, path: str, timeout: float = 10.0) -> Any:
    """The decoded answer of one of the cloud's own pages, or None where nobody listens."""
    connection = http.client.HTTPConnection(host_of(given), given.port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            raise click.ClickException(
                f"{endpoint(given)} is not a cloud of ours: {method} {path} answered {answer.status}."
            )
        return json.loads(body)
    except (ConnectionError, TimeoutError):
        return None
    except (http.client.HTTPException, ValueError) as err:
        raise click.ClickException(f"What listens on port {given.port} is not Cumulet.") from err
    finally:
        connection.close()


def must_run(given: Settings) -> Any:
    """What the running cloud says of itself; ends the command where none runs."""
    info = call(given, "GET", "/_cumulet/info")
    if info is None:
        raise click.ClickException(f"No cloud is running on port {given.port}. Start one with: cumulet start")
    return info


def state_directory() -> Path:
    """Where logs of servers go: XDG_STATE_HOME/cumulet."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "cumulet"


def log_file(port: int) -> Path:
    """The log of the server on `port`."""
    return state_directory() / f"server-{port}.log"
