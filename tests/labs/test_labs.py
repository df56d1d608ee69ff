"""Every lab verifies in a fresh account, and every check fails on the variant that is broken for it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cumulet.labs import catalog, runner
from cumulet.labs.api import Cloud
from cumulet.labs.catalog import Lab, LabError
from cumulet.labs.pictures import size

LABS = catalog.labs()
CHECKS = [(lab, check.name) for lab in LABS for check in lab.checks()]


def solve(lab: Lab, cloud: Any, folder: Path) -> Cloud:
    where = Cloud(cloud.endpoint, runner.fresh_account(), folder)
    runner.solve(lab, where)
    for outcome in runner.run_checks(lab, where):
        assert outcome.finding.ok, outcome
    return where


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_lab_verifies(lab: Lab, cloud: Any) -> None:
    outcomes = runner.verify(lab, cloud.endpoint)
    assert outcomes
    assert [outcome.check.title for outcome in outcomes if not outcome.finding.ok] == []


@pytest.mark.parametrize(("lab", "check"), CHECKS, ids=lambda value: getattr(value, "name", value))
def test_a_check_fails_on_its_broken_variant(lab: Lab, check: str, cloud: Any, tmp_path: Path) -> None:
    where = solve(lab, cloud, tmp_path)
    getattr(lab.broken(), check)(where)
    (outcome,) = [one for one in runner.run_checks(lab, where, patience=0) if one.check.name == check]
    assert not outcome.finding.ok
    assert outcome.finding.saw
    assert outcome.finding.wanted


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_an_untouched_account_passes_no_check(lab: Lab, cloud: Any, tmp_path: Path) -> None:
    where = Cloud(cloud.endpoint, runner.fresh_account(), tmp_path)
    assert not any(outcome.finding.ok for outcome in runner.run_checks(lab, where, patience=0))


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_start_lays_out_steps_and_files(lab: Lab, tmp_path: Path) -> None:
    where = runner.start(lab, "http://127.0.0.1:1", tmp_path / lab.name)
    pages = sorted((tmp_path / lab.name).glob("*.md"))
    assert pages
    assert not any("ACCOUNT_ID" in page.read_text() or "RUNTIME" in page.read_text() for page in pages)
    assert runner.account_of(lab, tmp_path) == where.account == runner.account_of(lab, tmp_path / lab.name)
    with pytest.raises(LabError, match="there already"):
        runner.start(lab, "http://127.0.0.1:1", tmp_path / lab.name)


def test_an_unknown_lab_is_answered_with_those_there_are() -> None:
    with pytest.raises(LabError, match="thumbnails"):
        catalog.find("nothing")


def test_the_command_line_follows_a_learner(cloud: Any, tmp_path: Path) -> None:
    def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cumulet", "lab", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    port = ["--port", str(cloud.port)]
    listed = json.loads(lab("list", "--json").stdout)
    assert "thumbnails" in [row["name"] for row in listed]
    started = lab("start", "thumbnails", *port)
    assert started.returncode == 0, started.stderr
    assert "cumulet env" in started.stdout
    before = lab("check", "thumbnails", "--json", *port)
    assert before.returncode == 1
    first = json.loads(before.stdout)["labs"][0]["checks"][0]
    assert first["hint"]
    assert lab("solve", "thumbnails", *port).returncode == 0
    after = lab("check", "thumbnails", *port)
    assert after.returncode == 0, after.stdout
    assert "✗" not in after.stdout
    verified = lab("verify", "--all", "--json", *port)
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["ok"]


def test_the_size_of_pictures_is_read_from_their_bytes() -> None:
    from PIL import Image

    for kind in ("JPEG", "PNG"):
        file = io.BytesIO()
        Image.new("RGB", (123, 45)).save(file, kind)
        file.seek(0)
        assert size(file) == (123, 45)
    for broken in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00", b"GIF89a", b"\xff\xd8\xff\xc0\x00"):
        assert size(io.BytesIO(broken)) == (0, 0)
