"""IAM: users, groups, roles, policies, keys. Global: one state for all regions of an account."""

from __future__ import annotations

from cumulet.kernel.service import Service

from . import access
from .operations import (
    access_keys,
    account,
    attachments,
    details,
    groups,
    inline_policies,
    instance_profiles,
    internal,
    login_profiles,
    managed_policies,
    mfa,
    policy_versions,
    providers,
    reports,
    roles,
    service_linked_roles,
    simulation,
    tags,
    users,
)

service = Service(
    "iam",
    access_keys,
    account,
    attachments,
    details,
    groups,
    inline_policies,
    instance_profiles,
    internal,
    login_profiles,
    managed_policies,
    mfa,
    policy_versions,
    providers,
    reports,
    roles,
    service_linked_roles,
    simulation,
    tags,
    users,
    access=access.TABLE,
)
