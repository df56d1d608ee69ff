"""The labs that exist: one folder each, described by its lab.toml."""

from __future__ import annotations

import importlib.util
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from . import api

FOLDER = Path(__file__).parent


class LabError(Exception):
    """A lab cannot be found or run; the message says what to do."""


@dataclass(frozen=True)
class Lab:
    """One lab. `name` is what users type, `number` its place in the course."""

    number: str
    name: str
    title: str
    summary: str
    minutes: int
    services: tuple[str, ...]
    folder: Path

    def steps(self) -> list[Path]:
        """The Markdown pages, in order."""
        return sorted((self.folder / "steps").glob("*.md"))

    def checks(self) -> list[api.Check]:
        """What must hold once the lab is done."""
        module = self._load("check.py")
        return api.checks_of(module.__name__)

    def solution(self) -> ModuleType:
        """The module with `solve(cloud)`."""
        return self._load("solution/solve.py")

    def broken(self) -> ModuleType:
        """The module whose functions, named as the checks, each spoil a solved account so that this check must fail."""
        return self._load("broken.py")

    def _load(self, file: str) -> ModuleType:
        path = self.folder / file
        name = f"cumulet_lab_{self.name.replace('-', '_')}_{path.stem}"
        api.forget(name)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def labs() -> list[Lab]:
    """All labs, in the course's order."""
    return [_read(path.parent) for path in sorted(FOLDER.glob("*/lab.toml"))]


def find(name: str) -> Lab:
    """The lab called `name` (its number before it does no harm). Raises LabError."""
    for lab in labs():
        if name in (lab.name, f"{lab.number}-{lab.name}"):
            return lab
    known = ", ".join(lab.name for lab in labs())
    raise LabError(f"There is no lab named '{name}'. There are: {known}.")


def _read(folder: Path) -> Lab:
    about = tomllib.loads((folder / "lab.toml").read_text())
    number, _, name = folder.name.partition("-")
    return Lab(number, name, about["title"], about["summary"], about["minutes"], tuple(about["services"]), folder)
