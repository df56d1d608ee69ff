"""Service-linked roles: made for a service with a name, a trust and a policy that nobody may change."""

from __future__ import annotations

import orjson

from cumulet.base.errors import AwsError
from cumulet.base.ids import request_id, unique_id
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, managed, rules, service_roles, state
from . import describe


@operation
def create_service_linked_role(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateServiceLinkedRole'."""
    service, suffix = req["AWSServiceName"], req.get("CustomSuffix")
    template = service_roles.TEMPLATES.get(service)
    if template is None:
        message = f"Service role creation is not supported for the service principal {service}."
        raise AwsError("InvalidInput", message, 400)
    if suffix is not None and not template.suffix:
        raise AwsError("InvalidInput", f"Custom suffix is not allowed for {service}", 400)
    name = f"{template.role}_{suffix}" if suffix else template.role
    if state.entity(ctx, "role", name) is not None:
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", message, 400)
    rules.check_quota(ctx, "role")
    record = {
        "name": name,
        "id": unique_id("AROA"),
        "path": f"{rules.SERVICE_PATH}{service}/",
        "created": int(ctx.now),
        "trust": _trust(service),
        "duration": 3600,
        "tags": [],
        "description": req.get("Description", template.description),
    }
    state.create(ctx, "role", record)
    arn = f"{managed.PREFIX}{template.policy}"
    policy = managed.catalog()[arn]
    state.attach(ctx, "role", record, arn, policy["name"])
    authority.use(ctx, arn, policy)
    authority.publish(ctx, "role", record)
    return {"Role": describe.role(ctx, record)}


@operation
def delete_service_linked_role(ctx: Context, req: Json) -> Json:
    """Done at once: nothing here holds on to the role. See IAM API Reference, 'DeleteServiceLinkedRole'."""
    role = rules.existing(ctx, "role", req["RoleName"])
    if not role["path"].startswith(rules.SERVICE_PATH):
        raise AwsError("InvalidInput", f"The role {role['name']} is not a service-linked role.", 400)
    for arn, _ in state.attached(ctx, role, "", state.MANY):
        state.detach(ctx, "role", role, arn)
    state.drop(ctx, "role", role)
    authority.withdraw(ctx, "role", role["name"])
    task = f"task{role['path']}{role['name']}/{request_id()}"
    state.set_setting(ctx, _task(role["name"]), task)
    return {"DeletionTaskId": task}


@operation
def get_service_linked_role_deletion_status(ctx: Context, req: Json) -> Json:
    """Of a role's last deletion. See IAM API Reference, 'GetServiceLinkedRoleDeletionStatus'."""
    parts = req["DeletionTaskId"].split("/")
    if len(parts) != 5 or state.setting(ctx, _task(parts[3])) != req["DeletionTaskId"]:
        raise rules.missing(f"Deletion task {req['DeletionTaskId']} cannot be found.")
    return {"Status": "SUCCEEDED"}


def _task(role: str) -> str:
    return f"deletion:{role.lower()}"


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return orjson.dumps({"Version": "2012-10-17", "Statement": [statement]}).decode()
