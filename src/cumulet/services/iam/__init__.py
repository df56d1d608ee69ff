"""IAM: roles, users, policies, access keys. Global: one state for all regions of an account."""

from __future__ import annotations

from cumulet.kernel.service import Service

from .operations import (
    access_keys,
    account,
    inline_policies,
    internal,
    managed_policies,
    policy_versions,
    role_attachments,
    roles,
    users,
)

service = Service(
    "iam",
    access_keys,
    account,
    inline_policies,
    internal,
    managed_policies,
    policy_versions,
    role_attachments,
    roles,
    users,
)
