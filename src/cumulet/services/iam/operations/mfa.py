"""Virtual MFA devices: seeds for authenticator apps, and who has enabled one."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state, totp
from . import describe
from .users import caller_name, named_or_caller


@operation
def create_virtual_mfa_device(ctx: Context, req: Json) -> Json:
    """The seed is shown here and never again, and without a QR code. See IAM API Reference, 'CreateVirtualMFADevice'."""
    name = req["VirtualMFADeviceName"]
    if state.entity(ctx, "mfa", name) is not None:
        raise rules.exists("MFADevice entity at the same path and name already exists.")
    rules.check_quota(ctx, "mfa")
    tags = rules.merged_tags([], req.get("Tags", []))
    seed = totp.secret()
    record = {"name": name, "id": name, "path": req.get("Path", "/"), "seed": seed, "used": 0, "tags": tags}
    state.create(ctx, "mfa", record)
    shown: Json = {"SerialNumber": rules.make_arn(ctx, "mfa", record), "Base32StringSeed": seed.encode()}
    return {"VirtualMFADevice": {**shown, "Tags": tags} if tags else shown}


@operation
def enable_mfa_device(ctx: Context, req: Json) -> None:
    """Two codes that follow each other prove that the app has the seed. See IAM API Reference, 'EnableMFADevice'."""
    user = rules.existing(ctx, "user", req["UserName"])
    device = rules.existing_device(ctx, req["SerialNumber"])
    if "owner" in device:
        raise rules.exists("MFA Device is already in use.")
    if len(state.parts(ctx, "device", user["id"], "", state.MANY)) >= rules.MFA_DEVICES:
        raise rules.limit(f"Cannot exceed quota for MFADevicesPerUser: {rules.MFA_DEVICES}")
    used = _two_codes(ctx, device, req)
    enabled = int(ctx.now)
    state.put(ctx, "mfa", {**device, "used": used, "owner": user["id"], "user": user["name"], "enabled": enabled})
    state.put_part(ctx, "device", user["id"], req["SerialNumber"], enabled)
    _in_use(ctx, 1)


@operation
def resync_mfa_device(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'ResyncMFADevice'."""
    user = rules.existing(ctx, "user", req["UserName"])
    device = _enabled(ctx, user, req["SerialNumber"])
    state.put(ctx, "mfa", {**device, "used": _two_codes(ctx, device, req)})


@operation
def deactivate_mfa_device(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeactivateMFADevice'."""
    user = named_or_caller(ctx, req)
    device = _enabled(ctx, user, req["SerialNumber"])
    kept = {key: value for key, value in device.items() if key not in ("owner", "user", "enabled")}
    state.put(ctx, "mfa", kept)
    state.drop_part(ctx, "device", user["id"], req["SerialNumber"])
    _in_use(ctx, -1)


@operation
def delete_virtual_mfa_device(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteVirtualMFADevice'."""
    device = rules.existing_device(ctx, req["SerialNumber"])
    if "owner" in device:
        raise rules.conflict("MFA VirtualDevice is in use. Must deactivate first.")
    state.drop(ctx, "mfa", device)


@operation
def get_mfa_device(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetMFADevice'."""
    device = rules.existing_device(ctx, req["SerialNumber"])
    if "owner" not in device or str(req.get("UserName", device["user"])).lower() != device["user"].lower():
        raise rules.missing(f"MFA Device {req['SerialNumber']} is not assigned to the user.")
    return {"UserName": device["user"], "SerialNumber": req["SerialNumber"], "EnableDate": device["enabled"]}


@operation
def list_mfa_devices(ctx: Context, req: Json) -> Json:
    """A user's, by default the caller's. See IAM API Reference, 'ListMFADevices'."""
    name = req.get("UserName") or caller_name(ctx)
    if name is None:
        return {"MFADevices": [], "IsTruncated": False}
    user = rules.existing(ctx, "user", name)
    found = [
        {"UserName": user["name"], "SerialNumber": serial, "EnableDate": enabled}
        for serial, enabled in state.parts(ctx, "device", user["id"], rules.marker(req), rules.page_size(req))
    ]
    return rules.paged("MFADevices", found, req, lambda device: str(device["SerialNumber"]))


@operation
def list_virtual_mfa_devices(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListVirtualMFADevices'."""
    wanted, past = req.get("AssignmentStatus", "Any"), rules.marker(req)
    found: list[Json] = []
    size = rules.page_size(req)
    while len(found) < size:
        page, past = state.entities(ctx, "mfa", "/", past, size)
        found += [device for device in page if wanted == "Any" or ("owner" in device) == (wanted == "Assigned")]
        if len(page) < size:
            break
    result = rules.paged("VirtualMFADevices", found[:size], req, lambda device: str(device["name"]).lower())
    result["VirtualMFADevices"] = [_described(ctx, device) for device in result["VirtualMFADevices"]]
    return result


def _described(ctx: Context, device: Json) -> Json:
    shown: Json = {"SerialNumber": rules.make_arn(ctx, "mfa", device)}
    if "owner" in device:
        shown["EnableDate"] = device["enabled"]
        shown["User"] = describe.user(ctx, rules.existing(ctx, "user", device["user"]), brief=True)
    return shown


def _two_codes(ctx: Context, device: Json, req: Json) -> int:
    used = totp.verify_two(device["seed"], req["AuthenticationCode1"], req["AuthenticationCode2"], ctx.now)
    if used is None:
        raise AwsError("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)
    return used


def _enabled(ctx: Context, user: Json, serial: str) -> Json:
    if state.part(ctx, "device", user["id"], serial) is None:
        raise rules.missing(f"MFA Device invalid for user {user['name']}.")
    return rules.existing_device(ctx, serial)


def _in_use(ctx: Context, change: int) -> None:
    state.set_setting(ctx, "devices", int(state.setting(ctx, "devices") or 0) + change)
