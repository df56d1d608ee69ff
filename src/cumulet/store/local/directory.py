"""The data directory: whether it is ours to use, and the marker that says so."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from cumulet.base.errors import StoreError

FORMAT = 1
MARKER = "CUMULET"

_OTHER = "choose another directory with --data"
# What a command may have put there before the store is opened (its log, its pid file), or the file system itself.
_TOLERATED = ("cumulet.", "lost+found")


def claim(path: Path) -> None:
    """Make `path` a data directory (mode 0700) unless it is one. Raises StoreError with one line that says the way out."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        marker = path / MARKER
        if marker.exists():
            _check(path, marker.read_text())
            path.chmod(0o700)
            return
        strangers = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(_TOLERATED))
        if strangers:
            raise StoreError(f"{path} holds something else ({strangers[0]}) and no Cumulet data: {_OTHER}")
        path.chmod(0o700)
        _mark(path, marker)
    except OSError as err:
        reason = (err.strerror or str(err)).lower()
        raise StoreError(f"{path} cannot be used as data directory ({reason}): make it writable, or {_OTHER}") from err


def _check(path: Path, text: str) -> None:
    try:
        found = json.loads(text)["format"]
        newer = found > FORMAT
    except (ValueError, KeyError, TypeError) as err:
        raise StoreError(f"{path / MARKER} is damaged: restore it from a copy, or {_OTHER}") from err
    if newer:
        raise StoreError(f"{path} was written by a newer Cumulet (format {found}, not {FORMAT}): upgrade, or {_OTHER}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(13, "permission denied", str(path))


def _mark(path: Path, marker: Path) -> None:
    """Write the marker whole or not at all: a cut one would lock its owner out."""
    draft = path / "cumulet.marker.tmp"
    created = datetime.now(UTC).isoformat(timespec="seconds")
    draft.write_text(json.dumps({"format": FORMAT, "created": created}) + "\n")
    draft.replace(marker)
