"""Deployment packages: what is unpacked, and what is refused without a trace."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from cumulet.run.functions import BadArchive, unpack


def package(*entries: tuple[str, bytes | str, int]) -> bytes:
    """A zip file of (name, content, Unix mode with type bits)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


FILE, PROGRAM, LINK = stat.S_IFREG | 0o600, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777


def test_files_folders_and_modes(tmp_path: Path) -> None:
    target = tmp_path / "code"
    data = package(("app.py", "x = 1", FILE), ("bin/run", "#!/bin/sh", PROGRAM), ("empty/", "", 0), ("plain", "y", 0))
    unpack(data, target)
    assert (target / "app.py").read_text() == "x = 1"
    modes = {str(path.relative_to(target)): stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")}
    assert modes == {"app.py": 0o644, "bin": 0o755, "bin/run": 0o755, "empty": 0o755, "plain": 0o644}
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert os.listdir(tmp_path) == ["code"]


def test_a_path_and_an_existing_target(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(package(("a", "1", FILE)))
    unpack(archive, tmp_path / "deep/er/code")
    archive.write_bytes(package(("a", "2", FILE)))
    unpack(archive, tmp_path / "deep/er/code")
    assert (tmp_path / "deep/er/code/a").read_text() == "1"


def test_links_inside_are_kept(tmp_path: Path) -> None:
    unpack(
        package(("lib/real.so.1", "elf", FILE), ("lib/real.so", "real.so.1", LINK), ("up", "lib", LINK)), tmp_path / "c"
    )
    assert (tmp_path / "c/lib/real.so").read_text() == "elf"
    assert (tmp_path / "c/up/real.so.1").read_text() == "elf"


@pytest.mark.parametrize(
    "entries",
    [
        [("../evil", "x", FILE)],
        [("a/../../evil", "x", FILE)],
        [("/evil", "x", FILE)],
        [("..\\evil", "x", FILE)],
        [("c:/evil", "x", FILE)],
        [("link", "/etc/passwd", LINK)],
        [("link", "../evil", LINK)],
        [("a/link", "../../evil", LINK)],
        [("one", ".", LINK), ("d/two", "../one/..", LINK)],
        [("link", "real", LINK), ("link/evil", "x", FILE)],
        [("file", "x", FILE), ("file/below", "x", FILE)],
        [("dir/x", "x", FILE), ("dir", "x", FILE)],
        [("link", "x" * 5000, LINK)],
        [("n" * 300, "x", FILE)],
        [("d/" * 2000 + "f", "x", FILE)],
    ],
)
def test_ways_out_are_refused(tmp_path: Path, entries: list[tuple[str, str, int]]) -> None:
    with pytest.raises(BadArchive, match="Could not unzip uploaded file"):
        unpack(package(*entries), tmp_path / "in/code")
    assert os.listdir(tmp_path) == ["in"]
    assert os.listdir(tmp_path / "in") == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compressions_are_refused(tmp_path: Path, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("app.py", "x" * 1000)
    with pytest.raises(BadArchive):
        unpack(buffer.getvalue(), tmp_path / "code")


def test_a_bomb_is_measured_as_it_comes_out(tmp_path: Path) -> None:
    data = package(("zeros", bytes(3_000_000), FILE))
    message = "Unzipped size must be smaller than 262144000 bytes"
    with pytest.raises(BadArchive, match=message):
        unpack(data, tmp_path / "code", limit=1_000_000)
    # An archive that lies about its sizes, in the directory and in the entry.
    size = (3_000_000).to_bytes(4, "little")
    with pytest.raises(BadArchive):
        unpack(data.replace(size, (10).to_bytes(4, "little")), tmp_path / "code", limit=1_000_000)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x05\x06" + bytes(17), b"PK\x03\x04" + bytes(200)])
def test_what_is_no_zip_file(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadArchive):
        unpack(data, tmp_path / "code")
    assert os.listdir(tmp_path) == []


def test_damaged_files(tmp_path: Path) -> None:
    good = package(("app.py", os.urandom(20_000), FILE))
    for at in range(0, len(good), 997):
        damaged = bytearray(good)
        damaged[at] ^= 0xFF
        try:
            unpack(bytes(damaged), tmp_path / f"c{at}")
        except BadArchive:
            assert not (tmp_path / f"c{at}").exists()
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
