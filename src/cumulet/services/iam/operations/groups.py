"""Groups and who belongs to them."""

from __future__ import annotations

from cumulet.base.ids import unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from . import describe


@operation
def create_group(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateGroup'."""
    name = req["GroupName"]
    rules.check_free(ctx, "group", name)
    rules.check_quota(ctx, "group")
    record = {"name": name, "id": unique_id("AGPA"), "path": req.get("Path", "/"), "created": int(ctx.now)}
    state.create(ctx, "group", record)
    authority.publish(ctx, "group", record)
    return {"Group": describe.group(ctx, record)}


@operation
def get_group(ctx: Context, req: Json) -> Json:
    """The group and a page of its users. See IAM API Reference, 'GetGroup'."""
    group = rules.existing(ctx, "group", req["GroupName"])
    found = state.parts(ctx, "member", group["id"], rules.marker(req), rules.page_size(req))
    page = rules.paged("Users", found, req, lambda member: member[0])
    page["Users"] = [describe.user(ctx, rules.existing(ctx, "user", name), brief=True) for _, name in page["Users"]]
    return {"Group": describe.group(ctx, group), **page}


@operation
def list_groups(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListGroups'."""
    return rules.listing(ctx, "group", "Groups", req, describe.group)


@operation
def update_group(ctx: Context, req: Json) -> None:
    """A new name or path; its members' grants name it, and are written anew. See IAM API Reference, 'UpdateGroup'."""
    group = rules.existing(ctx, "group", req["GroupName"])
    changed = rules.renamed(ctx, "group", group, req.get("NewGroupName"), req.get("NewPath"))
    state.move(ctx, "group", group, changed)
    if changed["name"] == group["name"]:
        return
    authority.withdraw(ctx, "group", group["name"])
    authority.publish(ctx, "group", changed)
    for user_id, name in state.parts(ctx, "member", group["id"], "", rules.QUOTAS["user"]):
        state.put_part(ctx, "membership", user_id, group["id"], changed["name"])
        authority.publish(ctx, "user", rules.existing(ctx, "user", name))


@operation
def delete_group(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteGroup'."""
    group = rules.existing(ctx, "group", req["GroupName"])
    if state.parts(ctx, "member", group["id"], "", 1):
        raise rules.conflict("Cannot delete entity, must remove users from group first.")
    rules.check_no_policies(ctx, group)
    state.drop(ctx, "group", group)
    authority.withdraw(ctx, "group", group["name"])


@operation
def add_user_to_group(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AddUserToGroup'."""
    group = rules.existing(ctx, "group", req["GroupName"])
    user = rules.existing(ctx, "user", req["UserName"])
    if state.part(ctx, "membership", user["id"], group["id"]) is not None:
        return
    if len(state.parts(ctx, "membership", user["id"], "", state.MANY)) >= rules.GROUPS:
        raise rules.limit(f"Cannot exceed quota for GroupsPerUser: {rules.GROUPS}")
    state.put_part(ctx, "member", group["id"], user["id"], user["name"])
    state.put_part(ctx, "membership", user["id"], group["id"], group["name"])
    authority.publish(ctx, "user", user)


@operation
def remove_user_from_group(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'RemoveUserFromGroup'."""
    group = rules.existing(ctx, "group", req["GroupName"])
    user = rules.existing(ctx, "user", req["UserName"])
    if state.part(ctx, "membership", user["id"], group["id"]) is None:
        raise rules.missing(f"User {user['name']} not in group {group['name']}")
    state.drop_part(ctx, "member", group["id"], user["id"])
    state.drop_part(ctx, "membership", user["id"], group["id"])
    authority.publish(ctx, "user", user)


@operation
def list_groups_for_user(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListGroupsForUser'."""
    user = rules.existing(ctx, "user", req["UserName"])
    found = state.parts(ctx, "membership", user["id"], rules.marker(req), rules.page_size(req))
    page = rules.paged("Groups", found, req, lambda membership: membership[0])
    page["Groups"] = [describe.group(ctx, rules.existing(ctx, "group", name)) for _, name in page["Groups"]]
    return page
