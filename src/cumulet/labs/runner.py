"""Starting, checking, solving and verifying labs."""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .api import Check, Cloud, Finding
from .catalog import Lab, LabError

NOTE = ".lab.json"
COPIED = ("starter", "pictures")
PATIENCE = 20.0
"""Seconds that a check may take to come true: events arrive when they arrive."""


@dataclass
class Outcome:
    """A check with what it found."""

    check: Check
    finding: Finding

    def as_json(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {"check": self.check.name, "title": self.check.title, **asdict(self.finding)}


def fresh_account() -> str:
    """The id of an account that nobody has used."""
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def start(lab: Lab, endpoint: str, folder: Path) -> Cloud:
    """Lay out a folder to work in: the steps with this account's names filled in, the starter files, a note of the account."""
    if folder.exists():
        raise LabError(f"The folder {folder} is there already; go on in it, or remove it to begin anew.")
    cloud = Cloud(endpoint, fresh_account(), folder)
    folder.mkdir(parents=True)
    for name in COPIED:
        source = lab.folder / name
        if source.is_dir():
            shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for step in lab.steps():
        (folder / step.name).write_text(fill(step.read_text(), cloud))
    (folder / NOTE).write_text(json.dumps({"lab": lab.name, "account": cloud.account}))
    return cloud


def fill(text: str, cloud: Cloud) -> str:
    """A step's text with this account's names."""
    return text.replace("ACCOUNT_ID", cloud.account).replace("RUNTIME", cloud.runtime)


def account_of(lab: Lab, folder: Path) -> str | None:
    """The account that `start` noted in `folder` or in the lab's folder below it."""
    for note in (folder / NOTE, folder / lab.name / NOTE):
        if note.is_file():
            about = json.loads(note.read_text())
            if about["lab"] == lab.name:
                return str(about["account"])
    return None


def run_checks(lab: Lab, cloud: Cloud, patience: float = PATIENCE) -> Iterator[Outcome]:
    """Every check's outcome. One that fails is tried again for `patience` seconds in all."""
    until = time.monotonic() + patience
    for check in lab.checks():
        pause = 0.05
        finding = _look(check, cloud)
        while not finding.ok and time.monotonic() < until:
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
            finding = _look(check, cloud)
        yield Outcome(check, finding)


def _look(check: Check, cloud: Cloud) -> Finding:
    try:
        return check.run(cloud)
    except ClientError as err:
        error = err.response["Error"]
        return Finding(False, f"{err.operation_name}: {error['Code']}: {error['Message']}", "the call to succeed")
    except BotoCoreError as err:
        return Finding(False, str(err), "the cloud to answer", "Is it running? cumulet status")


def solve(lab: Lab, cloud: Cloud) -> None:
    """Do the whole lab. Raises LabError."""
    try:
        lab.solution().solve(cloud)
    except (ClientError, BotoCoreError) as err:
        raise LabError(f"The solution of {lab.name} failed: {err}") from err


def verify(lab: Lab, endpoint: str) -> list[Outcome]:
    """Solve the lab in a fresh account and check it."""
    with tempfile.TemporaryDirectory(prefix=f"cumulet-{lab.name}-") as name:
        cloud = Cloud(endpoint, fresh_account(), Path(name))
        solve(lab, cloud)
        return list(run_checks(lab, cloud))
