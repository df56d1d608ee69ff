"""The adapter for one machine: RocksDB for records, files for blobs, both under one data directory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from .blobs import LocalBlobs
from .directory import claim
from .kv import LocalKv

__all__ = ["LocalBlobs", "LocalKv", "open"]


def open(  # noqa: A001
    path: Path, durability: Literal["process", "commit"] = "process", *, delete_delay: float = 1.0
) -> tuple[LocalKv, LocalBlobs]:
    """Open or make the store under `path`.

    `process`: a commit survives the end of the process at once, that of the machine after about a second. `commit`: `durable()`
    says when it survives both. `delete_delay`: seconds that a released blob's file stays. Raises StoreError, in one line with the
    way out, where the directory is in use, foreign, of a newer format or not writable.
    """
    claim(path)
    kv = LocalKv(path / "kv", durability)
    return kv, LocalBlobs(kv, path / "blobs", durability, delete_delay)
