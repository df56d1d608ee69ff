"""Passwords and MFA devices of users."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cumulet.base.errors import AwsError
from cumulet.services.iam import passwords, totp

GOOD = "Correct-Horse-9"
NEXT = "Battery-Staple-7"


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def as_user(iam: Any, cloud: Any, name: str, service: str = "iam") -> Any:
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return cloud.client(service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def test_a_login_profile(iam: Any) -> None:
    iam.create_user(UserName="ada")
    nothing = ("NoSuchEntity", "Login Profile for User ada cannot be found.")
    assert refused(iam.get_login_profile, UserName="ada") == nothing
    assert refused(iam.create_login_profile, UserName="ada", Password="short") == (
        "PasswordPolicyViolation",
        "Password should have a minimum length of 8",
    )
    assert refused(iam.create_login_profile, UserName="bob", Password=GOOD)[0] == "NoSuchEntity"
    made = iam.create_login_profile(UserName="ada", Password=GOOD, PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == ("ada", True)
    assert iam.get_login_profile(UserName="ada")["LoginProfile"] == made
    assert refused(iam.create_login_profile, UserName="ada", Password=GOOD) == (
        "EntityAlreadyExists",
        "Login Profile for user ada already exists.",
    )
    iam.update_login_profile(UserName="ada", PasswordResetRequired=False)
    assert iam.get_login_profile(UserName="ada")["LoginProfile"]["PasswordResetRequired"] is False
    assert refused(iam.delete_user, UserName="ada") == (
        "DeleteConflict",
        "Cannot delete entity, must delete login profile first.",
    )
    iam.delete_login_profile(UserName="ada")
    assert refused(iam.delete_login_profile, UserName="ada") == nothing
    iam.delete_user(UserName="ada")


def test_changing_ones_password(iam: Any, cloud: Any) -> None:
    iam.create_user(UserName="ada")
    iam.create_login_profile(UserName="ada", Password=GOOD)
    ada = as_user(iam, cloud, "ada")
    assert refused(ada.change_password, OldPassword=GOOD, NewPassword=NEXT)[0] == "AccessDenied"
    rules = {"MinimumPasswordLength": 10, "RequireNumbers": True, "PasswordReusePrevention": 2}
    iam.update_account_password_policy(**rules, AllowUsersToChangePassword=True)
    assert refused(ada.change_password, OldPassword=NEXT, NewPassword=GOOD)[1] == "The old password was incorrect."
    iam.update_account_password_policy(**rules)
    iam.attach_user_policy(UserName="ada", PolicyArn="arn:aws:iam::aws:policy/IAMUserChangePassword")
    assert refused(ada.change_password, OldPassword=NEXT, NewPassword=GOOD)[1] == "The old password was incorrect."
    assert refused(ada.change_password, OldPassword=GOOD, NewPassword="Battery-Staple") == (
        "PasswordPolicyViolation",
        "Password should have at least one number",
    )
    ada.change_password(OldPassword=GOOD, NewPassword=NEXT)
    for used in (GOOD, NEXT):
        assert refused(ada.change_password, OldPassword=NEXT, NewPassword=used)[0] == "PasswordPolicyViolation"
    assert refused(iam.change_password, OldPassword=GOOD, NewPassword=NEXT) == (
        "InvalidUserType",
        "Only IAM Users can change their own password",
    )


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("aB3-", "length of 6"),
        ("ab3---", "uppercase"),
        ("AB3---", "lowercase"),
        ("aB----", "number"),
        ("aB3333", "symbol"),
    ],
)
def test_what_a_password_must_have(password: str, message: str) -> None:
    kinds = ("UppercaseCharacters", "LowercaseCharacters", "Numbers", "Symbols")
    policy = {"MinimumPasswordLength": 6, **{f"Require{kind}": True for kind in kinds}}
    passwords.check("aB3---", policy)
    with pytest.raises(AwsError, match=message):
        passwords.check(password, policy)


def test_only_a_hash_is_kept() -> None:
    kept = passwords.hashed(GOOD)
    assert GOOD not in kept
    assert passwords.matches(GOOD, kept)
    assert not passwords.matches(NEXT, kept)
    assert passwords.hashed(GOOD) != kept


def test_one_time_passwords() -> None:
    # RFC 6238, appendix B, its last six digits; the seed is 12345678901234567890.
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for now, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert totp.verify(seed, code, now, 0) == now // 30
        assert totp.verify(seed, code, now, now // 30) is None
        assert totp.verify(seed, code, now + 120, 0) is None
    assert totp.verify(seed, "é87082", 59, 0) is None


def test_mfa(iam: Any, cloud: Any, account: str) -> None:
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Path="/x/")["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"].decode()
    assert serial == f"arn:aws:iam::{account}:mfa/x/phone"
    iam.create_user(UserName="ada")
    wrong = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000000"}
    assert (
        refused(iam.enable_mfa_device, UserName="ada", SerialNumber=serial, **wrong)[0] == "InvalidAuthenticationCode"
    )
    period = int(time.time()) // totp.STEP - 1
    codes = {"AuthenticationCode1": totp.code(seed, period - 1), "AuthenticationCode2": totp.code(seed, period)}
    iam.enable_mfa_device(UserName="ada", SerialNumber=serial, **codes)
    assert [found["SerialNumber"] for found in iam.list_mfa_devices(UserName="ada")["MFADevices"]] == [serial]
    assert iam.get_mfa_device(SerialNumber=serial)["UserName"] == "ada"
    listed = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert [found["User"]["UserName"] for found in listed] == ["ada"]
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    assert iam.get_account_summary()["SummaryMap"]["MFADevicesInUse"] == 1

    sts = as_user(iam, cloud, "ada", "sts")
    code = totp.code(seed, period + 1)
    issued = sts.get_session_token(SerialNumber=serial, TokenCode=code)["Credentials"]
    assert issued["AccessKeyId"].startswith("ASIA")
    assert refused(sts.get_session_token, SerialNumber=serial, TokenCode=code) == (
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code.",
    )

    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    iam.deactivate_mfa_device(UserName="ada", SerialNumber=serial)
    assert refused(iam.deactivate_mfa_device, UserName="ada", SerialNumber=serial)[0] == "NoSuchEntity"
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "NoSuchEntity"
    assert iam.get_account_summary()["SummaryMap"]["MFADevices"] == 0
