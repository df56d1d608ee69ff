"""STS: who am I, and credentials that end."""

from __future__ import annotations

from cumulet.kernel.service import Service

from . import access
from .operations import identity, roles, sessions

service = Service("sts", identity, roles, sessions, access=access.TABLE)
