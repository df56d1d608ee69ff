"""Settings: one typed place. Defaults, then cumulet.toml, then CUMULET_* variables, then flags; the later wins."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from cumulet.base.errors import CumuletError

Durability = Literal["process", "commit"]
Credentials = Literal["known", "any"]
IamMode = Literal["enforce", "warn", "off"]


class ConfigError(CumuletError):
    """A setting that cannot be used; the message names it and says what would do."""


def default_data() -> Path:
    """Where the cloud lives when nothing else is said: XDG_DATA_HOME/cumulet."""
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "cumulet"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set.

    `durability`: `process` survives kill -9 at once and an operating-system crash up to the last second, `commit`
    survives both. `credentials`: `any` takes every key pair as root. `lambda_retry_delays`: seconds before the second
    and third attempt of an asynchronous invocation that failed (AWS: 60 and 120). `rehearse` is for tests: every
    transaction runs twice.
    """

    host: str = "127.0.0.1"
    port: int = 4566
    data: Path | None = None
    ephemeral: bool = False
    durability: Durability = "process"
    credentials: Credentials = "known"
    iam: IamMode = "enforce"
    allow_remote: bool = False
    allow_host: tuple[str, ...] = ()
    allow_origin: tuple[str, ...] = ()
    log_level: str = "info"
    lambda_retry_delays: tuple[float, ...] = (60.0, 120.0)
    rehearse: bool = False

    @property
    def directory(self) -> Path:
        """The data directory."""
        return self.data if self.data is not None else default_data()


def load(flags: Mapping[str, Any], *, env: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from all sources. `flags` with the value None were not given. Raises ConfigError."""
    env = os.environ if env is None else env
    settings = Settings()
    path = file or Path(env.get("CUMULET_CONFIG", "cumulet.toml"))
    if path.is_file():
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError) as err:
            raise ConfigError(f"{path} cannot be read: {err}") from err
        settings = _apply(settings, {key.replace("-", "_"): value for key, value in table.items()}, str(path))
    names = {field.name for field in fields(Settings)}
    from_env = {
        key[8:].lower(): value for key, value in env.items() if key.startswith("CUMULET_") and key[8:].lower() in names
    }
    settings = _apply(settings, from_env, "the environment")
    return _apply(settings, {key: value for key, value in flags.items() if value is not None}, "the command line")


def _apply(settings: Settings, values: Mapping[str, Any], source: str) -> Settings:
    hints = get_type_hints(Settings)
    changes = {}
    for name, value in values.items():
        if name not in hints:
            raise ConfigError(f"{source}: there is no setting '{name}'; there are {', '.join(sorted(hints))}")
        try:
            changes[name] = _convert(hints[name], value)
        except ValueError as err:
            raise ConfigError(f"{source}: {name} cannot be {value!r}: {err}") from err
    return replace(settings, **changes)


def _convert(hint: Any, value: Any) -> Any:
    if hint is bool:
        return _flag(value)
    if hint is int:
        return _port(value)
    if hint == (Path | None):
        return Path(value).expanduser()
    if hint == tuple[str, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(part.strip().lower() for part in parts if part.strip())
    if hint == tuple[float, ...]:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(float(part) for part in parts)
    if get_args(hint) and value not in get_args(hint):
        raise ValueError(f"choose one of {', '.join(get_args(hint))}")
    return str(value)


def _flag(value: Any) -> bool:
    text = str(value).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("say true or false")


def _port(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= 65535:
        raise ValueError("a port lies between 0 and 65535")
    return number
