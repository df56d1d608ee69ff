"""Who is calling: the principal, as IAM knows principals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"

PrincipalKind = Literal["root", "user", "role", "federated", "service", "anonymous"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. `arn` is what `sts:GetCallerIdentity` would print; `name` is the user, role or service name."""

    kind: PrincipalKind
    account: str
    arn: str
    user_id: str
    name: str = ""
    session: str = ""
    access_key: str = ""
    source_arn: str = ""
    source_account: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def root(account: str, access_key: str = "") -> Principal:
    """The root user of an account."""
    return Principal("root", account, f"arn:aws:iam::{account}:root", account, "root", access_key=access_key)


def service(name: str, account: str, source_arn: str = "") -> Principal:
    """An AWS service acting on its own behalf: `service("s3.amazonaws.com", account, bucket_arn)`."""
    return Principal("service", account, name, name, name, source_arn=source_arn, source_account=account)


ANONYMOUS = Principal("anonymous", "anonymous", "*", "ANONYMOUS_PRINCIPAL")
