"""The AWS SDK for JavaScript, version 3, unmodified from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
HOME = Path(sys.prefix) / "javascript"
"""Beside the other tools of the environment, so that one run's download serves the next."""


@pytest.fixture(scope="module")
def node() -> Path:
    """A folder with the SDK installed in it."""
    npm, program = shutil.which("npm"), shutil.which("node")
    if npm is None or program is None:
        pytest.skip("no Node.js on this machine")
    HOME.mkdir(exist_ok=True)
    wanted = (HERE / "package.json").read_text()
    done = HOME / ".installed"
    if not done.exists() or done.read_text() != wanted:
        (HOME / "package.json").write_text(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HOME, check=True, timeout=300)
        done.write_text(wanted)
    shutil.copy(HERE / "calls.mjs", HOME / "calls.mjs")
    return Path(program)


def test_signatures_objects_and_refusals(node: Path, cloud: Any, account: str) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam = cloud.client("iam", account=account)
    role = iam.create_role(RoleName="js", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    done = subprocess.run(
        [str(node), "calls.mjs", f"js-{account}", role],
        cwd=HOME,
        env=cloud.aws_env(account),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "body": "hello",
        "metadata": {"who": "js"},
        "keys": [["a b/ü+(1).txt", 5], ["large", 11 << 20]],
        "presigned": "hello",
        "spoiled": 403,
        "strangerS3": "InvalidAccessKeyId",
        "liarS3": "SignatureDoesNotMatch",
        "strangerLambda": "UnrecognizedClientException",
        "liarLambda": "InvalidSignatureException",
        "session": f"arn:aws:sts::{account}:assumed-role/js/js",
        "refused": "AccessDeniedException",
    }
