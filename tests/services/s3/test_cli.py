"""The AWS CLI's `s3` commands, unmodified."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def test_a_day_with_the_cli(cloud: Any, account: str, s3: S3Client, tmp_path: Path) -> None:
    def aws(*args: str, code: int = 0) -> str:
        done = cloud.aws("s3", *args, account=account)
        assert done.returncode == code, done.stderr
        return str(done.stdout)

    name = f"cli-{uuid.uuid4().hex[:20]}"
    site = tmp_path / "site"
    (site / "sub dir").mkdir(parents=True)
    (site / "a.txt").write_text("a")
    (site / "sub dir" / "ü+.txt").write_text("u")
    (site / "big.bin").write_bytes(b"0123456789abcdef" * 1024 * 640)

    for path in site.rglob("*.*"):
        os.utime(
            path, (1_700_000_000, 1_700_000_000)
        )  # S3's times have no fractions: what is new may look newer than its copy
    assert aws("mb", f"s3://{name}") == f"make_bucket: {name}\n"
    aws("sync", str(site), f"s3://{name}/site")
    assert "upload" not in aws("sync", str(site), f"s3://{name}/site")
    listed = aws("ls", "--recursive", f"s3://{name}")
    assert [line.split(None, 3)[2:] for line in listed.splitlines()] == [
        ["1", "site/a.txt"],
        ["10485760", "site/big.bin"],
        ["1", "site/sub dir/ü+.txt"],
    ]
    assert aws("ls", f"s3://{name}") == "                           PRE site/\n"
    aws("cp", f"s3://{name}/site/big.bin", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (site / "big.bin").read_bytes()
    aws("mv", f"s3://{name}/site/big.bin", f"s3://{name}/moved.bin")
    assert s3.head_object(Bucket=name, Key="moved.bin")["ContentLength"] == 10485760
    url = aws("presign", f"s3://{name}/site/a.txt").strip()
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"a"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("a.txt", "b.txt"), timeout=10)
    assert caught.value.code == 403
    aws("rm", f"s3://{name}/site/a.txt")
    aws("rb", f"s3://{name}", code=1)
    aws("rb", f"s3://{name}", "--force")
    assert name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]
