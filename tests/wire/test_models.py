"""Models are read from botocore's files, stripped, cached, and never from a cache that may not be believed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from cumulet.wire import models


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    models.configure(tmp_path)
    models.load.cache_clear()
    yield tmp_path / "models"
    models.configure(None)
    models.load.cache_clear()


def reload(service: str) -> models.Model:
    models.load.cache_clear()
    return models.load(service)


def only(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_a_model_is_stripped_and_whole(cache: Path) -> None:
    model = models.load("sts")
    raw = orjson.loads(models.read("sts"))
    assert set(model.operations) == set(raw["operations"])
    assert set(model.shapes) == set(raw["shapes"])
    assert b"documentation" not in orjson.dumps(model.shapes)
    assert model.shapes["roleDurationSecondsType"] == {"type": "integer", "max": 43200, "min": 900}


def test_members_called_like_stripped_keys_survive() -> None:
    shape = {
        "type": "structure",
        "documentation": "x",
        "members": {"documentation": {"shape": "S", "documentation": "y"}},
    }
    raw = {"metadata": {"apiVersion": "1", "uid": "x"}, "operations": {}, "shapes": {"A": shape}}
    assert models.strip(raw)["shapes"]["A"]["members"] == {"documentation": {"shape": "S"}}
    assert models.strip(raw)["metadata"] == {"apiVersion": "1"}


def test_the_cache_is_written_once_and_used(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = models.load("sts")
    path = only(cache)
    assert path.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(models, "read", lambda service: pytest.fail("the cache was not used"))
    assert reload("sts").shapes == first.shapes


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:70] + b"X" + b[71:], lambda b: b"\0" * 99]
)
def test_a_damaged_cache_is_replaced(cache: Path, damage: object) -> None:
    first = models.load("sts")
    path = only(cache)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))  # type: ignore[operator]
    assert reload("sts").shapes == first.shapes
    assert path.read_bytes() == whole


def test_a_cache_that_others_can_write_is_not_believed(cache: Path) -> None:
    models.load("sts")
    path = only(cache)
    body = orjson.dumps({"metadata": {}, "operations": {"Evil": {}}, "shapes": {}})
    digest = models.hashlib.blake2b(body, digest_size=32).hexdigest().encode()  # type: ignore[attr-defined]
    path.write_bytes(digest + body)
    assert set(reload("sts").operations) == {"Evil"}, "the forged file must be believable but for its mode"
    path.chmod(0o666)
    assert "GetCallerIdentity" in reload("sts").operations


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    models.configure(blocked)
    try:
        assert "GetCallerIdentity" in reload("sts").operations
    finally:
        models.configure(None)
        models.load.cache_clear()


@pytest.mark.parametrize("name", ["nothing", "../s3", "s3/2006-03-01", "", "S3"])
def test_an_unknown_service_is_a_key_error(name: str) -> None:
    with pytest.raises(KeyError):
        models.load(name)


def test_botocore_itself_is_never_imported(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from cumulet.wire import compile as c\n"
        "c.operation('s3', 'GetObject', 'rest-xml'); c.operation('sts', 'GetCallerIdentity', 'query')\n"
        "print([name for name in sys.modules if name.startswith('botocore')])"
    )
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert run.stdout.strip() == "[]"
    assert len(list((tmp_path / "cumulet" / "models").iterdir())) == 2
