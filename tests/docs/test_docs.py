"""The documentation does not drift: generated pages are fresh, links lead somewhere, services explain themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("README.md")]


def test_generated_pages_are_fresh() -> None:
    command = [sys.executable, str(ROOT / "tools" / "docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}: run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    broken = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert broken == []


def test_every_service_has_a_readme() -> None:
    services = [path.parent for path in (ROOT / "src" / "cumulet" / "services").glob("*/__init__.py")]
    assert services
    assert [service.name for service in services if not (service / "README.md").exists()] == []


def test_the_commands_of_getting_started_exist() -> None:
    text = (ROOT / "docs" / "getting-started.md").read_text() + (ROOT / "README.md").read_text()
    named = set(re.findall(r"cumulet (start|stop|status|logs|env|aws|reset|doctor|lab|wire)\b", text))
    assert {"start", "stop", "env", "aws", "lab", "doctor"} <= named


def test_the_example_of_getting_started_works_as_it_stands(cloud: Any, tmp_path: Path) -> None:
    section = (
        (ROOT / "docs" / "getting-started.md").read_text().split("## A bucket and a function")[1].split("\n## ")[0]
    )
    script = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    # The page is written for version 2 of the AWS CLI and for 3.11; here is version 1, and whatever runs the tests.
    script = script.replace("--cli-binary-format raw-in-base64-out ", "")
    script = script.replace("python3.11", f"python{sys.version_info.major}.{sys.version_info.minor}")
    (tmp_path / "picture.jpg").write_bytes(b"picture")
    env = cloud.aws_env("700000000001") | {"PATH": f"{Path(sys.executable).parent}:{cloud.aws_env()['PATH']}"}
    script = script.replace("000000000000", "700000000001").replace("s3://photos", "s3://photos-of-the-docs")
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '{"message": "Hello, Ada!"}' in done.stdout
    assert "hello Ada" in done.stdout
    assert "REPORT RequestId" in done.stdout
