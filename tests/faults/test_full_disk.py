"""A disk that is full: a small tmpfs as data directory. Refusals are clear, reads go on, nothing acknowledged is lost."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

PRINTS = "def handler(event, context):\n    print('x' * event)\n    return 1\n"


def mount(*arguments: str) -> bool:
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    place = tmp_path / "tiny"
    place.mkdir()
    if os.geteuid() != 0 or not mount("-t", "tmpfs", "-o", "size=24M", "tmpfs", str(place)):
        pytest.skip("mounting a small tmpfs needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


class Keeper:
    """Puts objects and remembers which were acknowledged."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.s3 = cloud.client("s3")
        self.kept: dict[str, str] = {}
        self.random = random.Random(1)

    def put(self, key: str, size: int) -> dict[str, Any] | None:
        """The error that came, if one came."""
        body = self.random.randbytes(size)
        try:
            self.s3.put_object(Bucket="bucket", Key=key, Body=body)
        except ClientError as err:
            return dict(err.response)
        self.kept[key] = hashlib.md5(body).hexdigest()
        return None

    def fill(self, size: int) -> None:
        """Put objects of one size until there is no room for another."""
        for number in range(5000):
            error = self.put(f"{size}/{number}", size)
            if error is not None:
                assert error["ResponseMetadata"]["HTTPStatusCode"] == 500
                assert error["Error"]["Code"] == "InternalError"
                assert "disk is full" in error["Error"]["Message"]
                return
        raise AssertionError("the disk does not fill up")

    def check(self) -> None:
        """All that was acknowledged is there, and nothing else."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
        there = {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", [])}
        assert there == self.kept
        for key in self.random.sample(sorted(there), min(15, len(there))):
            body = self.s3.get_object(Bucket="bucket", Key=key)["Body"].read()
            assert hashlib.md5(body).hexdigest() == there[key]


@pytest.mark.parametrize("durability", ["process", "commit"])
def test_a_full_disk(
    durability: str, tiny: Path, start_cloud: Callable[..., Any], make_function: Any, look: Any, eventually: Any
) -> None:
    cloud = start_cloud("--durability", durability, "--data", str(tiny / "data"))
    client = make_function(cloud, "prints", PRINTS)
    client.invoke(FunctionName="prints", Payload=b"1")  # from now on it is warm: a new worker needs new credentials
    keeper = Keeper(cloud)
    keeper.s3.create_bucket(Bucket="bucket")
    for size in (3_000_000, 200_000, 1000):
        keeper.fill(size)
    large = sum(size > 64 * 1024 for size in (int(key.partition("/")[0]) for key in keeper.kept))
    eventually(lambda: len(look.blobs(tiny / "data")) == large + 1, what="no file but those of objects and one package")
    # Reads go on, and what only reads is answered though it cannot be recorded.
    keeper.check()
    assert [bucket["Name"] for bucket in keeper.s3.list_buckets()["Buckets"]] == ["bucket"]
    role = client.get_function(FunctionName="prints")["Configuration"]["Role"]
    # Warm functions run; new ones are refused in Lambda's words.
    assert client.invoke(FunctionName="prints", Payload=b"10")["Payload"].read() == b"1"
    unpacked = tiny / "data" / "functions" / "code"
    before = (sorted(os.listdir(unpacked)), len(look.blobs(tiny / "data")))
    code = random.Random(2).randbytes(1_000_000)
    with pytest.raises(ClientError) as refused:
        client.create_function(
            FunctionName="new", Runtime="python3.11", Handler="a.b", Role=role, Code={"ZipFile": _zip(code)}
        )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert [item["FunctionName"] for item in client.list_functions()["Functions"]] == ["prints"]
    assert (sorted(os.listdir(unpacked)), len(look.blobs(tiny / "data"))) == before
    # Room again: the same process goes on.
    assert mount("-o", "remount,size=64M", str(tiny))
    eventually(lambda: keeper.put("after", 1000) is None, what="the store taking writes again")
    assert keeper.put("after-large", 3_000_000) is None
    keeper.check()
    cloud.kill()
    cloud.start()
    keeper.s3 = cloud.client("s3")
    keeper.check()
    assert cloud.stop() == 0


def test_a_cloud_on_a_full_disk_ends_and_starts(tiny: Path, start_cloud: Any, make_function: Any) -> None:
    cloud = start_cloud("--data", str(tiny / "data"))
    client = make_function(cloud, "prints", PRINTS)
    client.invoke(FunctionName="prints", Payload=b"1")  # from now on it is warm: a new worker needs new credentials
    keeper = Keeper(cloud)
    keeper.s3.create_bucket(Bucket="bucket")
    for size in (3_000_000, 200_000, 1000):
        keeper.fill(size)
    # Log lines that find no room must not keep it from ending.
    client.invoke(FunctionName="prints", Payload=b"100000")
    assert cloud.stop() in (0, 1)
    assert mount("-o", "remount,size=64M", str(tiny))
    cloud.start()
    keeper.s3 = cloud.client("s3")
    keeper.check()
    assert keeper.put("after", 100_000) is None


def _zip(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.py", data)
    return file.getvalue()
