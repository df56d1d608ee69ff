"""Directories for workers without a sandbox: a scratch directory each, and copies of what another user could not reach.

A server that is root but may not make namespaces (a plain container) still runs functions as another user, who cannot enter the data
directory; so code and layers are shown to that user below the system's temporary directory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from .runtimes import Runtime
from .spec import WorkerFailed

_PREFIX = "cumulet-stage-"


class Stage:
    """`private` is where scratch directories go while no other user is involved."""

    def __init__(self, private: Path) -> None:
        self._private = private
        self._open: Path | None = None
        self._shown: dict[Path, Path] = {}
        self._scratch: dict[int, Path] = {}
        shutil.rmtree(private, ignore_errors=True)

    def check(self, runtime: Runtime, *own: Path) -> None:
        """Raises WorkerFailed where another user could not even start the interpreter."""
        for path in (Path(os.path.realpath(runtime.executable)), *map(Path, runtime.needed), *own):
            if not reachable(path):
                raise WorkerFailed(
                    f"This system allows no namespaces, functions never run as root, and other users cannot read {path}: start "
                    "Cumulet as an ordinary user, or move that out of root's own directories."
                )

    def show(self, path: Path) -> Path:
        """`path`, or a copy of it that every user may read."""
        if reachable(path):
            return path
        shown = self._shown.get(path)
        if shown is None:
            shown = self._public() / f"{len(self._shown)}-{path.name}"
            shutil.copytree(path, shown, copy_function=_link_or_copy, ignore_dangling_symlinks=True)
            self._shown[path] = shown
        return shown

    def scratch(self, number: int, uid: int | None) -> Path:
        """An empty directory for the worker of that number, owned by `uid`."""
        parent = self._private if uid is None else self._public()
        parent.mkdir(parents=True, exist_ok=True)
        path = parent / f"tmp-{number}"
        path.mkdir(mode=0o700)
        if uid is not None:
            os.chown(path, uid, uid)
        self._scratch[number] = path
        return path

    def clear(self, number: int) -> None:
        path = self._scratch.pop(number, None)
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        for path in (self._private, self._open):
            if path is not None:
                shutil.rmtree(path, ignore_errors=True)

    def _public(self) -> Path:
        if self._open is None:
            parent = Path(tempfile.gettempdir())
            for old in parent.glob(f"{_PREFIX}*"):
                if not Path(f"/proc/{old.name.removeprefix(_PREFIX).partition('-')[0]}").exists():
                    with contextlib.suppress(OSError):
                        shutil.rmtree(old)
            self._open = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
            self._open.chmod(0o711)
        return self._open


def reachable(path: Path) -> bool:
    """Whether any user may go to `path` and read it."""
    with contextlib.suppress(OSError):
        path = path.resolve()
        return bool(path.stat().st_mode & 0o004) and all(parent.stat().st_mode & 0o001 for parent in path.parents)
    return False


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
