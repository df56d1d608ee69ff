"""Memory limits: a control group per worker where this system lets us make one, else a look at the resident set.

A worker's private /tmp is a tmpfs, whose pages the kernel charges to the same group, while Lambda does not count /tmp as memory. So the
group's own limit (which the kernel enforces, by killing) has room for /tmp, and a function whose anonymous memory alone passes its
limit is found by sampling long invocations and by the peak that the worker reports with each answer.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from cumulet.base.ids import hexid

MB = 1024 * 1024
ROOM_MB = 24
"""What the interpreter's shared pages may cost before they count as the function's."""


class _Files(NamedTuple):
    limit: str
    swap: str
    anonymous: str
    events: str


_V1 = _Files("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "total_rss", "memory.oom_control")
_V2 = _Files("memory.max", "memory.swap.max", "anon", "memory.events")


class Group:
    """One worker's memory control group."""

    def __init__(self, path: Path, files: _Files, limit: int) -> None:
        self.path = path
        self._files = files
        path.mkdir()
        try:
            (path / files.limit).write_text(str(limit))
        except OSError:
            path.rmdir()
            raise
        with contextlib.suppress(OSError):
            (path / files.swap).write_text("0" if files is _V2 else str(limit))

    @property
    def procs(self) -> str:
        return str(self.path / "cgroup.procs")

    def anonymous(self) -> int:
        """Bytes of anonymous memory in use by every process of the group."""
        with contextlib.suppress(OSError, ValueError):
            for line in (self.path / "memory.stat").read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == self._files.anonymous:
                    return int(value)
        return 0

    def killed(self) -> bool:
        """Whether the kernel has killed one of its processes for want of memory."""
        with contextlib.suppress(OSError, ValueError):
            for line in (self.path / self._files.events).read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value) > 0
        return False

    def remove(self) -> bool:
        """True once it is gone; False while one of its processes is still ending."""
        try:
            self.path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


class Groups:
    """The control groups of this server's workers, below one directory of its own."""

    def __init__(self) -> None:
        self._base: Path | None = None
        self._files = _V1
        for parent, files in _parents():
            _sweep(parent)
            base = parent / f"cumulet-{os.getpid()}-{hexid(4)}"
            with contextlib.suppress(OSError):
                base.mkdir()
                if files is _V2:
                    (base / "cgroup.subtree_control").write_text("+memory")
                self._base, self._files = base, files
                probe = Group(base / "probe", files, 64 * MB)
                probe.remove()
                return
            self._base = None
            with contextlib.suppress(OSError):
                base.rmdir()

    def make(self, name: str, limit: int) -> Group | None:
        """A group of at most `limit` bytes, or None where there can be none."""
        if self._base is None:
            return None
        try:
            return Group(self._base / name, self._files, limit)
        except OSError:
            return None

    def close(self) -> bool:
        """Removes them all; False while one of their processes is still ending."""
        if self._base is not None:
            for path in (*self._base.glob("*/"), self._base):
                with contextlib.suppress(OSError):
                    path.rmdir()
        return self._base is None or not self._base.exists()


def _sweep(parent: Path) -> None:
    """Removes what servers that were killed left behind."""
    for base in parent.glob("cumulet-*"):
        if not Path("/proc", base.name.split("-")[1]).exists():
            for path in (*base.glob("*/"), base):
                with contextlib.suppress(OSError):
                    path.rmdir()


def _parents() -> list[tuple[Path, _Files]]:
    """Directories in which a group might be made: our own, the one above, the root of the hierarchy."""
    found: list[tuple[Path, _Files]] = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            mount = Path("/sys/fs/cgroup/memory")
            found += [(mount / own.strip("/"), _V1), (mount, _V1)]
        elif not controllers:
            mount = Path("/sys/fs/cgroup")
            if (mount / "cgroup.controllers").exists():
                place = mount / own.strip("/")
                found += [(place, _V2), (place.parent, _V2)] if place != mount else [(mount, _V2)]
    return [(path, files) for path, files in found if os.access(path, os.W_OK)]


def resident(pid: int) -> int:
    """Bytes resident in a process and its children; 0 where /proc does not tell."""
    total = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        total = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            total += resident(int(child))
    return total
