"""What each IAM operation needs. Source: Service Authorization Reference, 'Actions, resources, and condition keys for AWS
Identity and Access Management (IAM)'.

IAM's ARNs hold paths, which requests mostly do not: an entity's path is read from its record; where there is none, the
operation will say so to whoever may ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cumulet.auth import credentials
from cumulet.base.types import Json
from cumulet.kernel.access import Access, Check, Keys
from cumulet.kernel.context import Context

from . import rules, service_roles, state

_Resource = Callable[[Context, Json], str | list[str]]
_Condition = Callable[[Context, Json], Keys]

_MEMBERS: dict[str, state.Kind] = {
    "UserName": "user",
    "GroupName": "group",
    "RoleName": "role",
    "InstanceProfileName": "instance-profile",
    "VirtualMFADeviceName": "mfa",
    "PolicyName": "policy",
}


def _arn(ctx: Context, kind: state.Kind, name: str) -> str:
    record = state.entity(ctx, kind, name)
    return rules.make_arn(ctx, kind, record if record is not None else {"path": "/", "name": name})


def _named(member: str) -> _Resource:
    """The entity that a request names; for users by default the caller."""
    kind = _MEMBERS[member]

    def resource(ctx: Context, req: Json) -> str:
        name = req.get(member)
        if not name and kind == "user" and ctx.principal.kind == "user":
            return ctx.principal.arn
        return _arn(ctx, kind, name or "")

    return resource


def _new(member: str) -> _Resource:
    """The entity that a request is to make."""
    kind = _MEMBERS[member]
    return lambda ctx, req: rules.make_arn(ctx, kind, {"path": req.get("Path", "/"), "name": req.get(member, "")})


def _renamed(member: str) -> _Resource:
    """The entity as it is and as it shall be."""
    kind = _MEMBERS[member]

    def resource(ctx: Context, req: Json) -> list[str]:
        old = _arn(ctx, kind, req.get(member, ""))
        path = old.partition("/")[2].rpartition("/")[0]
        name = req.get(f"New{member}") or req.get(member, "")
        new = rules.make_arn(ctx, kind, {"path": req.get("NewPath", f"/{path}/" if path else "/"), "name": name})
        return [old] if new == old else [old, new]

    return resource


def _given(member: str) -> _Resource:
    """The resource whose ARN is in the request."""
    return lambda _ctx, req: str(req.get(member, ""))


def _all(kind: str) -> _Resource:
    """A listing, of a path."""
    return lambda ctx, req: f"arn:aws:iam::{ctx.account}:{kind}{req.get('PathPrefix', '/')}"


def _own_password(ctx: Context, req: Json) -> str | list[str]:
    """Where the account lets all users change their passwords, no policy has to."""
    policy = state.setting(ctx, "passwords")
    return [] if policy and policy["AllowUsersToChangePassword"] else _named("UserName")(ctx, req)


def _key_owner(ctx: Context, req: Json) -> str:
    key = credentials.lookup(ctx.readable, req.get("AccessKeyId", ""))
    return key.principal.arn if key is not None and key.principal.kind == "user" else "*"


def _linked(ctx: Context, req: Json) -> str:
    service = req.get("AWSServiceName", "")
    template = service_roles.TEMPLATES.get(service)
    name = template.role if template is not None else ""
    if name and req.get("CustomSuffix"):
        name = f"{name}_{req['CustomSuffix']}"
    return f"arn:aws:iam::{ctx.account}:role{rules.SERVICE_PATH}{service}/{name}"


def _task(ctx: Context, req: Json) -> str:
    path = str(req.get("DeletionTaskId", "")).removeprefix("task").rpartition("/")[0]
    return f"arn:aws:iam::{ctx.account}:role{path}"


def _provider(ctx: Context, req: Json) -> str:
    return (
        f"arn:aws:iam::{ctx.account}:oidc-provider/{str(req.get('Url', '')).removeprefix('https://').removesuffix('/')}"
    )


def _record(ctx: Context, req: Json) -> Json | None:
    """The entity that a request is about, if it has tags or a boundary."""
    for member in ("RoleName", "UserName", "InstanceProfileName"):
        if req.get(member):
            return state.entity(ctx, _MEMBERS[member], req[member])
    if req.get("PolicyArn"):
        return state.entity(ctx, "policy", str(req["PolicyArn"]).rpartition("/")[2])
    return None


def _keys(ctx: Context, req: Json) -> Keys:
    """The tags of the entity, the tags in the request, the boundary, the policy that is attached."""
    keys: dict[str, str | list[str]] = {}
    record = _record(ctx, req) or {}
    for tag in record.get("tags", ()):
        keys[f"iam:ResourceTag/{tag['Key']}"] = keys[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
    tags = req.get("Tags") or ()
    for tag in tags:
        keys[f"aws:RequestTag/{tag.get('Key')}"] = tag.get("Value", "")
    names = [tag.get("Key", "") for tag in tags] or req.get("TagKeys")
    if names:
        keys["aws:TagKeys"] = list(names)
    boundary = req.get("PermissionsBoundary", record.get("boundary"))
    if boundary:
        keys["iam:PermissionsBoundary"] = boundary
    return keys


def _attaching(ctx: Context, req: Json) -> Keys:
    # The policy that is attached is no resource of the call: its tags are not asked for.
    return {**_keys(ctx, {**req, "PolicyArn": ""}), "iam:PolicyARN": req.get("PolicyArn", "")}


def _service(_ctx: Context, req: Json) -> Keys:
    return {"iam:AWSServiceName": req.get("AWSServiceName", "")}


def _passing(ctx: Context, req: Json) -> Iterable[Check]:
    """Whoever puts a role into an instance profile hands it to EC2."""
    yield Check(
        "iam:PassRole", _arn(ctx, "role", req.get("RoleName", "")), {"iam:PassedToService": "ec2.amazonaws.com"}
    )


def _rows(resource: _Resource | str, *operations: str, keys: _Condition | None = _keys) -> dict[str, Access]:
    return {operation: Access(f"iam:{operation}", resource, keys=keys) for operation in operations}


def _crud(kind: str, member: str, *more: str) -> dict[str, Access]:
    """Get, Delete and the like of a kind of entity that requests name."""
    operations = [operation.replace("X", kind) for operation in ("GetX", "DeleteX", *more)]
    return _rows(_named(member), *operations)


_POLICIES = ("PutXPolicy", "GetXPolicy", "DeleteXPolicy", "ListXPolicies", "ListAttachedXPolicies")
_TAGS = ("TagX", "UntagX", "ListXTags")
_BOUNDARY = ("PutXPermissionsBoundary", "DeleteXPermissionsBoundary")

TABLE: dict[str, Access] = {
    **_crud("User", "UserName", *_POLICIES, *_TAGS, *_BOUNDARY, "ListGroupsForX"),
    **_crud("Group", "GroupName", *_POLICIES, "AddUserToX", "RemoveUserFromX"),
    **_crud("Role", "RoleName", *_POLICIES, *_TAGS, *_BOUNDARY, "UpdateX", "UpdateXDescription"),
    **_crud("InstanceProfile", "InstanceProfileName", *_TAGS, "RemoveRoleFromX"),
    **_rows(_new("UserName"), "CreateUser"),
    **_rows(_new("GroupName"), "CreateGroup"),
    **_rows(_new("RoleName"), "CreateRole"),
    **_rows(_new("InstanceProfileName"), "CreateInstanceProfile"),
    **_rows(_new("PolicyName"), "CreatePolicy"),
    **_rows(_new("VirtualMFADeviceName"), "CreateVirtualMFADevice"),
    **_rows(_renamed("UserName"), "UpdateUser"),
    **_rows(_renamed("GroupName"), "UpdateGroup"),
    **_rows(_all("user"), "ListUsers"),
    **_rows(_all("group"), "ListGroups"),
    **_rows(_all("role"), "ListRoles"),
    **_rows(_all("instance-profile"), "ListInstanceProfiles"),
    **_rows(lambda _ctx, req: f"policy path {req.get('PathPrefix', '/')}", "ListPolicies"),
    **_rows(_named("UserName"), "AttachUserPolicy", "DetachUserPolicy", keys=_attaching),
    **_rows(_named("GroupName"), "AttachGroupPolicy", "DetachGroupPolicy", keys=_attaching),
    **_rows(_named("RoleName"), "AttachRolePolicy", "DetachRolePolicy", keys=_attaching),
    **_rows(
        _named("UserName"),
        "CreateAccessKey",
        "CreateLoginProfile",
        "DeactivateMFADevice",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "EnableMFADevice",
        "GetLoginProfile",
        "GetMFADevice",
        "ListAccessKeys",
        "ListMFADevices",
        "ListSSHPublicKeys",
        "ListServiceSpecificCredentials",
        "ListSigningCertificates",
        "ResyncMFADevice",
        "UpdateAccessKey",
        "UpdateLoginProfile",
    ),
    **_rows(_named("RoleName"), "DeleteServiceLinkedRole", "ListInstanceProfilesForRole", "UpdateAssumeRolePolicy"),
    "AddRoleToInstanceProfile": Access(
        "iam:AddRoleToInstanceProfile", _named("InstanceProfileName"), keys=_keys, also=_passing
    ),
    **_rows(_linked, "CreateServiceLinkedRole", keys=_service),
    **_rows(_task, "GetServiceLinkedRoleDeletionStatus", keys=None),
    **_rows(_key_owner, "GetAccessKeyLastUsed", keys=None),
    **_rows(_own_password, "ChangePassword", keys=None),
    **_rows(
        _given("PolicyArn"),
        "CreatePolicyVersion",
        "DeletePolicy",
        "DeletePolicyVersion",
        "GetPolicy",
        "GetPolicyVersion",
        "ListEntitiesForPolicy",
        "ListPolicyTags",
        "ListPolicyVersions",
        "SetDefaultPolicyVersion",
        "TagPolicy",
        "UntagPolicy",
    ),
    **_rows(_given("SerialNumber"), "DeleteVirtualMFADevice", "ListMFADeviceTags", "TagMFADevice", "UntagMFADevice"),
    **_rows(_provider, "CreateOpenIDConnectProvider"),
    **_rows(
        _given("OpenIDConnectProviderArn"),
        "AddClientIDToOpenIDConnectProvider",
        "DeleteOpenIDConnectProvider",
        "GetOpenIDConnectProvider",
        "ListOpenIDConnectProviderTags",
        "RemoveClientIDFromOpenIDConnectProvider",
        "TagOpenIDConnectProvider",
        "UntagOpenIDConnectProvider",
        "UpdateOpenIDConnectProviderThumbprint",
    ),
    **_rows("arn:aws:iam::{account}:saml-provider/{Name}", "CreateSAMLProvider"),
    **_rows(
        _given("SAMLProviderArn"),
        "DeleteSAMLProvider",
        "GetSAMLProvider",
        "ListSAMLProviderTags",
        "TagSAMLProvider",
        "UntagSAMLProvider",
        "UpdateSAMLProvider",
    ),
    **_rows(_given("PolicySourceArn"), "GetContextKeysForPrincipalPolicy", "SimulatePrincipalPolicy", keys=None),
    **_rows(
        "*",
        "CreateAccountAlias",
        "DeleteAccountAlias",
        "DeleteAccountPasswordPolicy",
        "GenerateCredentialReport",
        "GetAccountAuthorizationDetails",
        "GetAccountPasswordPolicy",
        "GetAccountSummary",
        "GetContextKeysForCustomPolicy",
        "GetCredentialReport",
        "ListAccountAliases",
        "ListOpenIDConnectProviders",
        "ListSAMLProviders",
        "ListServerCertificates",
        "ListVirtualMFADevices",
        "SimulateCustomPolicy",
        "UpdateAccountPasswordPolicy",
        keys=None,
    ),
}
