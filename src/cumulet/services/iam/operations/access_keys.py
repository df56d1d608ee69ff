"""Access keys of users and of root. They really authenticate: auth.credentials keeps them, IAM what is shown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cumulet.auth import credentials
from cumulet.base import context as principals
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state
from .users import caller_name

_RECENT = 500
"""Records of the audit that are looked through for a key's last use."""


@operation
def create_access_key(ctx: Context, req: Json) -> Json:
    """The secret is shown here and never again. See IAM API Reference, 'CreateAccessKey'."""
    owner_id, principal = _owner(ctx, req)
    if len(state.access_keys(ctx, owner_id, "", rules.ACCESS_KEYS)) >= rules.ACCESS_KEYS:
        raise rules.limit(f"Cannot exceed quota for AccessKeysPerUser: {rules.ACCESS_KEYS}")
    key = credentials.permanent(principal)
    credentials.store(ctx.tx, key)
    created = int(ctx.now)
    state.put_access_key(ctx, owner_id, key.id, {"status": "Active", "created": created})
    shown = {
        "UserName": principal.name,
        "AccessKeyId": key.id,
        "Status": "Active",
        "SecretAccessKey": key.secret,
        "CreateDate": created,
    }
    return {"AccessKey": shown}


@operation
def list_access_keys(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListAccessKeys'."""
    owner_id, principal = _owner(ctx, req)
    keys = [
        {
            "UserName": principal.name,
            "AccessKeyId": key_id,
            "Status": record["status"],
            "CreateDate": record["created"],
        }
        for key_id, record in state.access_keys(ctx, owner_id, rules.marker(req), rules.page_size(req))
    ]
    return rules.paged("AccessKeyMetadata", keys, req, lambda key: str(key["AccessKeyId"]))


@operation
def update_access_key(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UpdateAccessKey'."""
    if req["Status"] == "Expired":
        raise rules.validation("Status Expired cannot be set.")
    owner_id, _ = _owner(ctx, req)
    record = _existing(ctx, owner_id, req["AccessKeyId"])
    state.put_access_key(ctx, owner_id, req["AccessKeyId"], {**record, "status": req["Status"]})
    key = credentials.lookup(ctx.tx, req["AccessKeyId"])
    if key is not None:
        credentials.store(ctx.tx, replace(key, status=req["Status"]))


@operation
def delete_access_key(ctx: Context, req: Json) -> None:
    """From the commit on the key is unknown. See IAM API Reference, 'DeleteAccessKey'."""
    owner_id, _ = _owner(ctx, req)
    _existing(ctx, owner_id, req["AccessKeyId"])
    state.drop_access_key(ctx, owner_id, req["AccessKeyId"])
    credentials.remove(ctx.tx, req["AccessKeyId"])


@operation
def get_access_key_last_used(ctx: Context, req: Json) -> Json:
    """As far as the newest records of the audit know. See IAM API Reference, 'GetAccessKeyLastUsed'."""
    key_id = req["AccessKeyId"]
    key = credentials.lookup(ctx.tx, key_id)
    if key is None or key.builtin or key.temporary or key.principal.account != ctx.account:
        raise AwsError(
            "AccessDenied", f"User: {ctx.principal.arn} is not authorized to perform: iam:GetAccessKeyLastUsed", 403
        )
    used: Json = {"ServiceName": "N/A", "Region": "N/A"}
    for event in ctx.kernel.audit.events(_RECENT):
        if event["userIdentity"]["accessKeyId"] == key_id:
            service = event["eventSource"].partition(".")[0]
            when = int(datetime.fromisoformat(event["eventTime"]).timestamp())
            used = {"LastUsedDate": when, "ServiceName": service, "Region": event["awsRegion"]}
            break
    return {"UserName": key.principal.name, "AccessKeyLastUsed": used}


def _owner(ctx: Context, req: Json) -> tuple[str, principals.Principal]:
    name = req.get("UserName") or caller_name(ctx)
    if name is None:
        return ctx.account, principals.root(ctx.account)
    user = rules.existing(ctx, "user", name)
    return user["id"], authority.principal(ctx, user)


def _existing(ctx: Context, owner_id: str, key_id: str) -> Json:
    record = state.access_key(ctx, owner_id, key_id)
    if record is None:
        raise rules.missing(f"The Access Key with id {key_id} cannot be found.")
    return record
