"""What is wrong with a filter pattern, in AWS's words."""

from __future__ import annotations

from cumulet.base.errors import CumuletError


class PatternError(CumuletError):
    """A filter pattern that CloudWatch Logs refuses; the text is AWS's message."""
