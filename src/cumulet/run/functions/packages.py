"""The boto3 that every function finds: Cumulet's own, shown to workers without the rest of Cumulet's environment.

A directory per Python version holds links to the files of seven packages, all pure Python. Byte code sits beside the links: for
Cumulet's own version it is linked too where the installer made some, for others the interpreter compiles it in the background.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .runtimes import Runtime

NAMES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_DISTRIBUTIONS = {"dateutil": "python-dateutil"}
_log = logging.getLogger(__name__)


def sources() -> list[Path]:
    """Where the packages lie: directories, and one module (six). Missing ones are left out."""
    found = []
    for name in NAMES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            found.append(origin.parent if origin.name == "__init__.py" else origin)
    return found


def folder(root: Path, runtime: Runtime) -> Path:
    """The directory to show as `/var/runtime`, made on first use below `root`."""
    stamp = "-".join(_version(name) for name in NAMES)
    place = root / f"{runtime.name}-{stamp}"
    if place.is_dir():
        return place
    for name in NAMES:
        _warn_if_too_old(name, runtime)
    own = runtime.version[:2] == sys.version_info[:2]
    work = root / f".{place.name}.{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, mode=0o755)
    for source in sources():
        _link(source, work / source.name, byte_code=own)
    try:
        work.rename(place)
    except OSError:
        shutil.rmtree(work, ignore_errors=True)
    return place


def compile_in_background(place: Path, runtime: Runtime) -> subprocess.Popen[bytes] | None:
    """Compiles the packages for another Python version, once; the caller ends or waits for the process."""
    if runtime.version[:2] == sys.version_info[:2] or (place / ".compiled").exists():
        return None
    script = f"import compileall,os;os.nice(10);compileall.compile_dir({str(place)!r},quiet=2,maxlevels=20)"
    script += f";open({str(place / '.compiled')!r},'w').close()"
    command = [runtime.executable, "-I", "-S", "-c", script]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _link(source: Path, target: Path, *, byte_code: bool) -> None:
    if source.is_file():
        target.symlink_to(source)
        return
    target.mkdir(mode=0o755)
    for entry in source.iterdir():
        # botocore's data is thousands of files, and none of them Python.
        if entry.is_dir() and entry.name == "data":
            (target / entry.name).symlink_to(entry)
        elif entry.name == "__pycache__":
            if byte_code:
                (target / entry.name).symlink_to(entry)
        else:
            _link(entry, target / entry.name, byte_code=byte_code)


def _version(name: str) -> str:
    import importlib.metadata  # 8 ms that the server's start does not have

    try:
        return importlib.metadata.version(_DISTRIBUTIONS.get(name, name))
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _warn_if_too_old(name: str, runtime: Runtime) -> None:
    import importlib.metadata

    try:
        needs = str(importlib.metadata.metadata(_DISTRIBUTIONS.get(name, name)).json.get("requires_python", ""))
    except importlib.metadata.PackageNotFoundError:
        _log.warning("%s is not installed beside Cumulet: functions must bring their own", name)
        return
    least = re.search(r">=\s*(\d+)\.(\d+)", needs)
    if least and runtime.version[:2] < (int(least[1]), int(least[2])):
        _log.warning(
            "%s %s needs Python %s; functions on %s should bring an older one in their package",
            name,
            _version(name),
            needs,
            runtime.name,
        )
