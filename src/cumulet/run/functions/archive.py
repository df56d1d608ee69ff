"""Deployment packages: a zip file into a directory that workers may read, all of it or nothing."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from cumulet.base.errors import CumuletError

if TYPE_CHECKING:
    import zipfile

UNZIPPED_LIMIT = 262144000
"""250 MB. Source: AWS Lambda Developer Guide, 'Lambda quotas'."""
ENTRY_LIMIT = 200_000
_CHUNK = 1 << 20
_METHODS = (0, 8)
"""Stored and deflated: what every zip tool writes."""


class BadArchive(CumuletError):
    """The archive is no zip file, or holds what must not be unpacked; the message is in AWS's words where AWS has some."""


_TOO_LARGE = f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes"
_UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."


def unpack(archive: Path | bytes, target: Path, *, limit: int = UNZIPPED_LIMIT) -> None:
    """Unpacks a zip file into the new directory `target`, readable by every user, executables executable.

    Raises BadArchive for what is no zip file, for entries that lead out of the directory (absolute paths, `..`, links), and
    beyond `limit` unpacked bytes, counted as they come out and not as the archive claims. `target` appears complete or not at all; an
    existing one is left as it is.
    """
    import zipfile  # 5 ms that the server's start does not have

    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        source = io.BytesIO(archive) if isinstance(archive, bytes) else archive
        with zipfile.ZipFile(source) as package:
            _extract(package, work, limit)
        work.chmod(0o755)
        try:
            work.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    # ValueError: offsets that lie before the file's begin, names in no encoding.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadArchive(_UNREADABLE) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _extract(package: zipfile.ZipFile, work: Path, limit: int) -> None:
    entries = package.infolist()
    if len(entries) > ENTRY_LIMIT or sum(entry.file_size for entry in entries) > limit:
        raise BadArchive(_TOO_LARGE)
    links: list[tuple[Path, str]] = []
    room = limit
    for entry in entries:
        path = work / _inside(entry.filename)
        mode = entry.external_attr >> 16
        if entry.compress_type not in _METHODS:
            raise BadArchive(_UNREADABLE)
        try:
            if entry.is_dir():
                path.mkdir(0o755, parents=True, exist_ok=True)
                continue
            path.parent.mkdir(0o755, parents=True, exist_ok=True)
            if stat.S_ISLNK(mode):
                if entry.file_size > 4096:
                    raise BadArchive(_UNREADABLE)
                links.append((path, package.read(entry).decode()))
                continue
            room -= _write(package, entry, path, 0o755 if mode & 0o111 else 0o644, room)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise BadArchive(_UNREADABLE) from error
    # Links come last, so that no file is ever written through one.
    for path, aim in links:
        _make_link(work, path, aim)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if len(name.encode()) > 3000 or any(len(part.encode()) > 255 for part in path.parts):
        raise BadArchive(_UNREADABLE)
    if path.is_absolute() or ".." in path.parts or "\x00" in name or not path.parts or ":" in path.parts[0]:
        raise BadArchive(_UNREADABLE)
    return path


def _write(package: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, mode: int, room: int) -> int:
    size = 0
    # A second entry of the same name replaces the first, as unzip does.
    with package.open(entry) as source, path.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > room:
                raise BadArchive(_TOO_LARGE)
            sink.write(chunk)
    path.chmod(mode)
    return size


def _make_link(work: Path, path: Path, aim: str) -> None:
    end = os.path.normpath(path.parent.relative_to(work) / aim)
    if aim.startswith("/") or end == ".." or end.startswith("../"):
        raise BadArchive(_UNREADABLE)
    try:
        path.symlink_to(aim)
    except OSError as error:
        raise BadArchive(_UNREADABLE) from error
    # A chain of links could lead out although each of them looks harmless.
    if not path.resolve().is_relative_to(work.resolve()):
        raise BadArchive(_UNREADABLE)
