"""The account as a whole: its alias, its password policy, its counts and quotas."""

from __future__ import annotations

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state


@operation
def create_account_alias(ctx: Context, req: Json) -> None:
    """An account has one; a new one takes the place of the old. See IAM API Reference, 'CreateAccountAlias'."""
    alias = req["AccountAlias"]
    owner = state.alias_owner(ctx, alias)
    if owner is not None and owner != ctx.account:
        raise rules.exists(f"The account alias {alias} already exists.")
    state.set_alias(ctx, alias)


@operation
def list_account_aliases(ctx: Context, _req: Json) -> Json:
    """See IAM API Reference, 'ListAccountAliases'."""
    alias = state.setting(ctx, "alias")
    return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}


@operation
def delete_account_alias(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteAccountAlias'."""
    if state.setting(ctx, "alias") != req["AccountAlias"]:
        raise rules.missing(f"The account alias with name {req['AccountAlias']} cannot be found.")
    state.set_alias(ctx, None)


@operation
def update_account_password_policy(ctx: Context, req: Json) -> None:
    """What a request leaves out goes back to its default. See IAM API Reference, 'UpdateAccountPasswordPolicy'."""
    policy = {
        "MinimumPasswordLength": 6,
        **dict.fromkeys(
            (
                "RequireSymbols",
                "RequireNumbers",
                "RequireUppercaseCharacters",
                "RequireLowercaseCharacters",
                "AllowUsersToChangePassword",
            ),
            False,
        ),
        **req,
        "ExpirePasswords": "MaxPasswordAge" in req,
    }
    state.set_setting(ctx, "passwords", policy)


@operation
def get_account_password_policy(ctx: Context, _req: Json) -> Json:
    """See IAM API Reference, 'GetAccountPasswordPolicy'."""
    return {"PasswordPolicy": _password_policy(ctx)}


@operation
def delete_account_password_policy(ctx: Context, _req: Json) -> None:
    """See IAM API Reference, 'DeleteAccountPasswordPolicy'."""
    _password_policy(ctx)
    state.set_setting(ctx, "passwords", None)


@operation
def get_account_summary(ctx: Context, _req: Json) -> Json:
    """See IAM API Reference, 'GetAccountSummary'."""
    root_keys = state.access_keys(ctx, ctx.account, "", rules.ACCESS_KEYS)
    devices = state.count(ctx, "mfa")
    return {
        "SummaryMap": {
            "Users": state.count(ctx, "user"),
            "UsersQuota": rules.QUOTAS["user"],
            "Groups": state.count(ctx, "group"),
            "GroupsQuota": rules.QUOTAS["group"],
            "Roles": state.count(ctx, "role"),
            "RolesQuota": rules.QUOTAS["role"],
            "InstanceProfiles": state.count(ctx, "instance-profile"),
            "InstanceProfilesQuota": rules.QUOTAS["instance-profile"],
            "Policies": state.count(ctx, "policy"),
            "PoliciesQuota": rules.QUOTAS["policy"],
            "Providers": state.count(ctx, "oidc-provider") + state.count(ctx, "saml-provider"),
            "ServerCertificates": 0,
            "ServerCertificatesQuota": 20,
            "PolicySizeQuota": rules.POLICY_SIZE,
            "UserPolicySizeQuota": rules.INLINE_SIZES["user"],
            "GroupPolicySizeQuota": rules.INLINE_SIZES["group"],
            "RolePolicySizeQuota": rules.INLINE_SIZES["role"],
            "AssumeRolePolicySizeQuota": rules.TRUST_SIZE,
            "VersionsPerPolicyQuota": rules.VERSIONS,
            "AttachedPoliciesPerUserQuota": rules.ATTACHED,
            "AttachedPoliciesPerGroupQuota": rules.ATTACHED,
            "AttachedPoliciesPerRoleQuota": rules.ATTACHED,
            "GroupsPerUserQuota": rules.GROUPS,
            "AccessKeysPerUserQuota": rules.ACCESS_KEYS,
            "SigningCertificatesPerUserQuota": 2,
            "GlobalEndpointTokenVersion": 1,
            "AccountAccessKeysPresent": int(bool(root_keys)),
            "AccountSigningCertificatesPresent": 0,
            "AccountMFAEnabled": int(bool(state.parts(ctx, "device", ctx.account, "", 1))),
            "AccountPasswordPresent": 0,
            "MFADevices": devices,
            "MFADevicesInUse": int(state.setting(ctx, "devices") or 0),
        }
    }


def _password_policy(ctx: Context) -> Json:
    policy: Json | None = state.setting(ctx, "passwords")
    if policy is None:
        raise rules.missing(f"The Password Policy with domain name {ctx.account} cannot be found.")
    return policy
