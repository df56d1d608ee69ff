"""The Python interpreters of this machine, by Lambda's names for them (`python3.12`)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SUPPORTED = tuple(f"python3.{minor}" for minor in range(9, 15))
_NAME = re.compile(r"python3\.(\d+)")
_PROBE = (
    "import json,sys,os,sysconfig;"
    "print(json.dumps([list(sys.version_info[:3]),sys.base_prefix,sys.base_exec_prefix,"
    "os.path.dirname(os.__file__),sysconfig.get_config_var('LIBDIR') or '']))"
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """An interpreter. `needed` are the directories that it loads itself from."""

    name: str
    executable: str
    version: tuple[int, int, int]
    needed: tuple[str, ...]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))

    def arn(self, region: str) -> str:
        """What INIT_START prints as the runtime's version ARN."""
        digest = hashlib.sha256(f"{self.executable} {self.version_text}".encode()).hexdigest()
        return f"arn:aws:lambda:{region}::runtime:{digest}"


@dataclass(frozen=True, slots=True)
class RuntimeMissing:
    """A runtime that cannot run here; `message` says why and what to install."""

    name: str
    message: str


def find_runtime(name: str) -> Runtime | RuntimeMissing:
    """The interpreter for a Lambda runtime, the newest patch release that PATH, pyenv, uv or the system have. Found ones are
    remembered; a missing one is looked for again."""
    match = _NAME.fullmatch(name)
    if match is None or name not in SUPPORTED:
        return RuntimeMissing(
            name, f"The runtime {name} cannot run here yet: Cumulet runs {SUPPORTED[0]} to {SUPPORTED[-1]}."
        )
    try:
        return _search(name)
    except LookupError:
        version = f"3.{match[1]}"
    return RuntimeMissing(
        name,
        f"The runtime {name} needs a Python {version} interpreter, and none was found in PATH, pyenv, uv or /usr/bin. "
        f"Install one: `uv python install {version}`, `pyenv install {version}`, `apt install {name}` or `brew install "
        f"python@{version}`.",
    )


@lru_cache(maxsize=32)
def _search(name: str) -> Runtime:
    candidates: list[str] = []
    if f"python3.{sys.version_info[1]}" == name:
        candidates.append(getattr(sys, "_base_executable", "") or sys.executable)
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    version = name.removeprefix("python")
    for folder, pattern in ((pyenv, f"{version}.*"), (uv, f"cpython-{version}.*")):
        with contextlib.suppress(OSError):
            found = [str(path / "bin" / name) for path in folder.glob(pattern)]
            candidates += sorted(found, key=_digits, reverse=True)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    folders += ["/usr/local/bin", "/usr/bin", f"/opt/homebrew/opt/python@{version}/bin"]
    folders.append(f"/Library/Frameworks/Python.framework/Versions/{version}/bin")
    # pyenv's shims are shell scripts that may name any version.
    candidates += [f"{folder}/{name}" for folder in folders if folder and not folder.rstrip("/").endswith("/shims")]
    for candidate in dict.fromkeys(candidates):
        runtime = _probe(name, candidate)
        if runtime is not None:
            return runtime
    raise LookupError(name)


def _digits(path: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path)]


def _probe(name: str, executable: str) -> Runtime | None:
    if not os.access(executable, os.X_OK):
        return None
    try:
        done = subprocess.run(
            [executable, "-I", "-S", "-c", _PROBE],
            capture_output=True,
            timeout=20,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        version, *folders = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if f"python{version[0]}.{version[1]}" != name:
        return None
    real = os.path.realpath(executable)
    # base_prefix is /usr for a system's own interpreter: the sandbox shows that anyway.
    needed = [folders[0], folders[1], folders[2], folders[3], str(Path(real).parent)]
    outermost = [path for path in dict.fromkeys(needed) if path and Path(path).is_dir()]
    kept = [
        path for path in outermost if not any(path != other and Path(path).is_relative_to(other) for other in outermost)
    ]
    return Runtime(name, executable, (version[0], version[1], version[2]), tuple(kept))
