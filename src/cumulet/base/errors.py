"""The error hierarchy.

    CumuletError
    ├── AwsError          what a client is told: an AWS code, a message, an HTTP status
    ├── Conflict          a transaction lost a race and is to be run again
    └── StoreError        the data directory cannot be used or is damaged
        └── DiskFull      a write found no room: nothing of it was kept

Services raise AwsError only. Anything else that escapes an operation is our bug and reaches the client as InternalError.
"""

from __future__ import annotations

from typing import Any


class CumuletError(Exception):
    """Root of every error that Cumulet raises on purpose."""


class AwsError(CumuletError):
    """An error in AWS's own words.

    `code` is the error's name on the wire (`NoSuchBucket`, `ResourceNotFoundException`). `status` None means: what the service
    model says for that shape, else 400. `members` are further modelled members of the error structure, in AWS's member
    names (S3 prints them as elements, JSON services as keys). `headers` are added to the HTTP response.
    """

    def __init__(
        self,
        code: str,
        message: str = "",
        status: int | None = None,
        *,
        members: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members or {}
        self.headers = headers or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Conflict(CumuletError):
    """The transaction read something that another one has changed since: run it again."""


class StoreError(CumuletError):
    """The store cannot be opened or used (locked, foreign, newer format, damaged); the message says the way out."""


class DiskFull(StoreError):
    """The disk has no room for a write. Nothing of it was kept; reads go on, and writes once there is room."""
