"""The account as a whole."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def get_account_summary(ctx: Context, _req: Json) -> Json:
    """Counts and quotas of what Cumulet's IAM knows. See IAM API Reference, 'GetAccountSummary'."""
    root_keys = state.access_keys(ctx, ctx.account, "", rules.ACCESS_KEYS)
    return {
        "SummaryMap": {
            "Users": state.count(ctx, "user"),
            "UsersQuota": rules.QUOTAS["user"],
            "Roles": state.count(ctx, "role"),
            "RolesQuota": rules.QUOTAS["role"],
            "Policies": state.count(ctx, "policy"),
            "PoliciesQuota": rules.QUOTAS["policy"],
            "PolicySizeQuota": rules.POLICY_SIZE,
            "RolePolicySizeQuota": rules.INLINE_SIZE,
            "AssumeRolePolicySizeQuota": rules.TRUST_SIZE,
            "VersionsPerPolicyQuota": rules.VERSIONS,
            "AttachedPoliciesPerRoleQuota": rules.ATTACHED,
            "AccessKeysPerUserQuota": rules.ACCESS_KEYS,
            "AccountAccessKeysPresent": int(bool(root_keys)),
            "AccountMFAEnabled": 0,
            "MFADevices": 0,
            "MFADevicesInUse": 0,
        }
    }
