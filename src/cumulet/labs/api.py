"""What a lab's own files (check.py, solution/solve.py, broken.py) are written with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config


@dataclass
class Finding:
    """What a check saw, what it wanted, and what to do where the two differ."""

    ok: bool
    saw: str
    wanted: str
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One statement about the state of an account that holds once a lab is done."""

    name: str
    title: str
    run: Callable[[Cloud], Finding]


@dataclass
class Cloud:
    """One account of one cloud, and a folder to work in."""

    endpoint: str
    account: str
    folder: Path
    region: str = "us-east-1"
    runtime: str = f"python{sys.version_info.major}.{sys.version_info.minor}"
    """The Lambda runtime of the interpreter that runs Cumulet: surely there, and the one that local packages fit."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def session(self) -> boto3.session.Session:
        """A boto3 session of the account's root, untouched by the user's own AWS settings."""
        return boto3.session.Session(self.account, "test", region_name=self.region)

    def client(self, service: str) -> Any:
        """A boto3 client."""
        if service not in self._clients:
            config = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "max_attempts": 3})
            make: Any = self.session.client
            self._clients[service] = make(service, endpoint_url=self.endpoint, config=config)
        return self._clients[service]

    def name(self, base: str) -> str:
        """A bucket's name that nobody else has: the account's id behind `base`."""
        return f"{base}-{self.account}"


_checks: dict[str, list[Check]] = {}


def check(title: str) -> Callable[[Callable[[Cloud], Finding]], Callable[[Cloud], Finding]]:
    """Mark a function of a check.py as a check. Checks run in the order in which they stand."""

    def mark(run: Callable[[Cloud], Finding]) -> Callable[[Cloud], Finding]:
        _checks.setdefault(run.__module__, []).append(Check(run.__name__, title, run))
        return run

    return mark


def checks_of(module: str) -> list[Check]:
    """The checks that the module of that name has marked."""
    return list(_checks.get(module, ()))


def forget(module: str) -> None:
    """Forget a module's checks: it is about to be loaded anew."""
    _checks.pop(module, None)
