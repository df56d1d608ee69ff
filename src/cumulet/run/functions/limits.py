"""How many workers this machine bears, and which user they run as."""

from __future__ import annotations

import hashlib
import os
import resource

_USERS_FROM, _USERS = 0x20000000, 0x3FFFFFFF
_RESERVED_FILES, _FILES_PER_WORKER = 256, 4
_MEMORY_PER_WORKER_MB = 64


def workers() -> int:
    """What descriptors and memory allow, at most Lambda's own 1,000 per account."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    return max(min(1000, (files - _RESERVED_FILES) // _FILES_PER_WORKER, megabytes // _MEMORY_PER_WORKER_MB), 4)


def user(account: str) -> int | None:
    """The user number that an account's functions run as where the server is root: one per account, never one of this machine's own
    users. None where the server is an ordinary user: then so are the functions."""
    if os.geteuid() != 0:
        return None
    number = int(account) if account.isdecimal() else int(hashlib.sha256(account.encode()).hexdigest()[:12], 16)
    return _USERS_FROM + number % _USERS
