"""Credentials that the AWS CLI was given by `sts assume-role` die at their time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cumulet.auth import credentials
from cumulet.store import local

AWS = Path(sys.executable).parent / "aws"


def cli(cloud: Any, keys: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    env = cloud.aws_env() | {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    return subprocess.run([str(AWS), *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)


def let_expire(data: Path, key_id: str) -> None:
    """A quarter of an hour is too long for a test: while the cloud is away, the key's time is moved to a second ago."""

    async def edit() -> None:
        kv, blobs = local.open(data)
        tx = kv.begin()
        key = credentials.lookup(tx, key_id)
        assert key is not None
        credentials.store(tx, replace(key, expires=time.time() - 1))
        kv.commit(tx)
        await blobs.close()
        await kv.close()

    asyncio.run(edit())


def test_credentials_of_the_cli_die_at_expiry(start_cloud: Callable[..., Any]) -> None:
    cloud = start_cloud()
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.client("iam").create_role(RoleName="short", AssumeRolePolicyDocument=trust)
    role = "arn:aws:iam::000000000000:role/short"
    command = ["sts", "assume-role", "--role-arn", role, "--role-session-name", "me", "--duration-seconds", "900"]
    given = cloud.aws(*command)
    assert given.returncode == 0, given.stderr
    keys = json.loads(given.stdout)["Credentials"]
    assert "assumed-role/short/me" in cli(cloud, keys, "sts", "get-caller-identity").stdout
    cloud.stop()
    let_expire(cloud.directory / "data", keys["AccessKeyId"])
    cloud.start()
    for arguments, code in (
        (("sts", "get-caller-identity"), "ExpiredToken"),
        (("s3api", "list-buckets"), "ExpiredToken"),
        (("logs", "describe-log-groups"), "ExpiredTokenException"),
    ):
        done = cli(cloud, keys, *arguments)
        assert done.returncode != 0
        assert f"({code})" in done.stderr
