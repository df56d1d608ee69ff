"""Names for the shapes that pass between layers."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A request, a response or a record: AWS's member names, plain Python values."""
