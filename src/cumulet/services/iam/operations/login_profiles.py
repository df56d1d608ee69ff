"""Login profiles: users' passwords for the console. Hashing them takes long and happens in a thread, outside transactions."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import passwords, rules, state
from .users import named_or_caller


@operation
async def create_login_profile(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateLoginProfile'."""
    if "Password" not in req:
        raise rules.validation("Password must be specified.")
    digest = await ctx.offload(passwords.hashed, req["Password"])

    def create(inside: Context) -> Json:
        user = named_or_caller(inside, req)
        if _read(inside, user) is not None:
            raise rules.exists(f"Login Profile for user {user['name']} already exists.")
        passwords.check(req["Password"], state.setting(inside, "passwords"))
        record = {
            "password": digest,
            "former": [],
            "created": int(inside.now),
            "changed": int(inside.now),
            "reset": req.get("PasswordResetRequired", False),
        }
        if "MaxSigninSessionDuration" in req:
            record["signin"] = req["MaxSigninSessionDuration"]
        state.put_part(inside, "login", user["id"], "", record)
        return {"LoginProfile": _described(user, record)}

    return ctx.transact(create)


@operation
def get_login_profile(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetLoginProfile'."""
    user = named_or_caller(ctx, req)
    return {"LoginProfile": _described(user, _existing(ctx, user))}


@operation
async def update_login_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UpdateLoginProfile'."""
    digest = await ctx.offload(passwords.hashed, req["Password"]) if "Password" in req else None

    def update(inside: Context) -> None:
        user = rules.existing(inside, "user", req["UserName"])
        record = _existing(inside, user)
        if digest is not None:
            passwords.check(req["Password"], state.setting(inside, "passwords"))
            record = _changed(inside, record, digest)
        if "PasswordResetRequired" in req:
            record = {**record, "reset": req["PasswordResetRequired"]}
        if "MaxSigninSessionDuration" in req:
            record = {**record, "signin": req["MaxSigninSessionDuration"]}
        if req.get("ResetMaxSigninSessionDuration"):
            record.pop("signin", None)
        state.put_part(inside, "login", user["id"], "", record)

    ctx.transact(update)


@operation
def delete_login_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteLoginProfile'."""
    user = named_or_caller(ctx, req)
    _existing(ctx, user)
    state.drop_part(ctx, "login", user["id"], "")


@operation
async def change_password(ctx: Context, req: Json) -> None:
    """For users, of their own password. See IAM API Reference, 'ChangePassword'."""
    if ctx.principal.kind != "user":
        raise AwsError("InvalidUserType", "Only IAM Users can change their own password", 400)

    def read(inside: Context) -> tuple[Json, Json | None]:
        user = rules.existing(inside, "user", inside.principal.name)
        return _existing(inside, user), state.setting(inside, "passwords")

    old, policy = ctx.transact(read)
    if not await ctx.offload(passwords.matches, req["OldPassword"], old["password"]):
        raise AwsError("AccessDenied", "The old password was incorrect.", 403)
    passwords.check(req["NewPassword"], policy)
    kept = [old["password"], *old["former"]][: (policy or {}).get("PasswordReusePrevention", 0)]
    for former in kept:
        if await ctx.offload(passwords.matches, req["NewPassword"], former):
            raise passwords.violation(
                "Policy constraint violation with password reuse prevention during password change."
            )
    digest = await ctx.offload(passwords.hashed, req["NewPassword"])

    def change(inside: Context) -> None:
        user = rules.existing(inside, "user", inside.principal.name)
        record = _existing(inside, user)
        if record["password"] != old["password"]:
            raise AwsError("EntityTemporarilyUnmodifiable", "The password is being changed.", 409)
        state.put_part(inside, "login", user["id"], "", {**_changed(inside, record, digest), "reset": False})

    ctx.transact(change)


def _changed(ctx: Context, record: Json, digest: str) -> Json:
    former = [record["password"], *record["former"]][: rules.PASSWORDS]
    return {**record, "password": digest, "former": former, "changed": int(ctx.now)}


def _read(ctx: Context, user: Json) -> Json | None:
    record: Json | None = state.part(ctx, "login", user["id"], "")
    return record


def _existing(ctx: Context, user: Json) -> Json:
    record = _read(ctx, user)
    if record is None:
        raise rules.missing(f"Login Profile for User {user['name']} cannot be found.")
    return record


def _described(user: Json, record: Json) -> Json:
    shown = {
        "UserName": user["name"],
        "CreateDate": record["created"],
        "PasswordResetRequired": record["reset"],
    }
    if "signin" in record:
        shown["MaxSigninSessionDuration"] = record["signin"]
    return shown
