"""Instance profiles: how a role comes to an EC2 instance. Each holds one role at most."""

from __future__ import annotations

from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state
from . import describe


@operation
def create_instance_profile(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateInstanceProfile'."""
    name = req["InstanceProfileName"]
    rules.check_free(ctx, "instance-profile", name)
    rules.check_quota(ctx, "instance-profile")
    record = {
        "name": name,
        "id": unique_id("AIPA"),
        "path": req.get("Path", "/"),
        "created": int(ctx.now),
        "role": None,
        "tags": rules.merged_tags([], req.get("Tags", [])),
    }
    state.create(ctx, "instance-profile", record)
    return {"InstanceProfile": describe.instance_profile(ctx, record)}


@operation
def get_instance_profile(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetInstanceProfile'."""
    record = rules.existing(ctx, "instance-profile", req["InstanceProfileName"])
    return {"InstanceProfile": describe.instance_profile(ctx, record)}


@operation
def list_instance_profiles(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListInstanceProfiles'."""
    return rules.listing(ctx, "instance-profile", "InstanceProfiles", req, _brief)


@operation
def list_instance_profiles_for_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListInstanceProfilesForRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    found = state.parts(ctx, "profile", role["id"], rules.marker(req), rules.page_size(req))
    page = rules.paged("InstanceProfiles", found, req, lambda profile: profile[0])
    page["InstanceProfiles"] = [
        _brief(ctx, rules.existing(ctx, "instance-profile", name)) for _, name in page["InstanceProfiles"]
    ]
    return page


@operation
def add_role_to_instance_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AddRoleToInstanceProfile'."""
    profile = rules.existing(ctx, "instance-profile", req["InstanceProfileName"])
    role = rules.changeable(ctx, "role", req["RoleName"])
    if profile["role"] is not None:
        raise rules.limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    state.put(ctx, "instance-profile", {**profile, "role": role["name"]})
    state.put_part(ctx, "profile", role["id"], profile["id"], profile["name"])


@operation
def remove_role_from_instance_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'RemoveRoleFromInstanceProfile'."""
    profile = rules.existing(ctx, "instance-profile", req["InstanceProfileName"])
    role = rules.changeable(ctx, "role", req["RoleName"])
    if profile["role"] != role["name"]:
        raise rules.missing(f"The role with name {role['name']} cannot be found.")
    state.put(ctx, "instance-profile", {**profile, "role": None})
    state.drop_part(ctx, "profile", role["id"], profile["id"])


@operation
def delete_instance_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteInstanceProfile'."""
    profile = rules.existing(ctx, "instance-profile", req["InstanceProfileName"])
    if profile["role"] is not None:
        raise rules.conflict("Cannot delete entity, must remove roles from instance profile first.")
    state.drop(ctx, "instance-profile", profile)


def _brief(ctx: Context, record: Json) -> Json:
    return describe.instance_profile(ctx, record, brief=True)
