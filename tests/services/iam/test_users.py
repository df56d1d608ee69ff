"""Users and access keys that really authenticate."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def _with(cloud: Any, service: str, key: dict[str, Any]) -> Any:
    return cloud.client(service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def test_a_user_and_its_keys(iam: Any, cloud: Any, account: str) -> None:
    user = iam.create_user(UserName="Ada", Path="/eng/", Tags=[{"Key": "a", "Value": "b"}])["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/eng/Ada"
    assert re.fullmatch("AIDA[A-Z2-7]{17}", user["UserId"])
    assert refused(iam.create_user, UserName="ada") == ("EntityAlreadyExists", "User with name ada already exists.")
    key = iam.create_access_key(UserName="Ada")["AccessKey"]
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key["AccessKeyId"])
    assert len(key["SecretAccessKey"]) == 40
    who = _with(cloud, "sts", key).get_caller_identity()
    assert (who["Arn"], who["UserId"], who["Account"]) == (user["Arn"], user["UserId"], account)
    mine = _with(cloud, "iam", key)
    assert refused(mine.get_user)[0] == "AccessDenied"
    own = "arn:aws:iam::aws:policy/IAMFullAccess"
    iam.attach_user_policy(UserName="Ada", PolicyArn=own)
    assert mine.get_user()["User"] == user
    second = mine.create_access_key()["AccessKey"]
    assert second["UserName"] == "Ada"
    assert refused(mine.create_access_key) == ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    listed = iam.list_access_keys(UserName="Ada")["AccessKeyMetadata"]
    assert {entry["AccessKeyId"] for entry in listed} == {key["AccessKeyId"], second["AccessKeyId"]}
    assert all("SecretAccessKey" not in entry for entry in listed)

    iam.update_access_key(UserName="Ada", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert refused(_with(cloud, "sts", key).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.update_access_key(UserName="Ada", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert _with(cloud, "sts", key).get_caller_identity()["Arn"] == user["Arn"]
    assert refused(iam.delete_user, UserName="Ada") == (
        "DeleteConflict",
        "Cannot delete entity, must delete access keys first.",
    )
    for entry in listed:
        iam.delete_access_key(UserName="Ada", AccessKeyId=entry["AccessKeyId"])
    assert refused(iam.delete_user, UserName="Ada")[1] == "Cannot delete entity, must detach all policies first."
    iam.detach_user_policy(UserName="Ada", PolicyArn=own)
    assert refused(_with(cloud, "sts", key).get_caller_identity)[0] == "InvalidClientTokenId"
    iam.delete_user(UserName="Ada")
    assert refused(iam.get_user, UserName="Ada") == ("NoSuchEntity", "The user with name Ada cannot be found.")


def test_a_key_belongs_to_its_user(iam: Any) -> None:
    for name in ("a", "b"):
        iam.create_user(UserName=name)
    key = iam.create_access_key(UserName="a")["AccessKey"]["AccessKeyId"]
    assert refused(iam.delete_access_key, UserName="b", AccessKeyId=key) == (
        "NoSuchEntity",
        f"The Access Key with id {key} cannot be found.",
    )
    # The account's default key is no user's either.
    assert refused(iam.update_access_key, UserName="a", AccessKeyId="A" * 20, Status="Inactive")[0] == "NoSuchEntity"


def test_root(iam: Any, cloud: Any, account: str) -> None:
    root = iam.get_user()["User"]
    assert (root["Arn"], root["UserId"]) == (f"arn:aws:iam::{account}:root", account)
    key = iam.create_access_key()["AccessKey"]
    assert _with(cloud, "sts", key).get_caller_identity()["Arn"] == root["Arn"]
    assert iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 1
    iam.delete_access_key(AccessKeyId=key["AccessKeyId"])


def test_listing_and_counting(iam: Any) -> None:
    for name, path in (("b", "/"), ("A", "/x/"), ("c", "/x/")):
        iam.create_user(UserName=name, Path=path)
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 1})
    assert [user["UserName"] for page in pages for user in page["Users"]] == ["A", "b", "c"]
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/x/")["Users"]] == ["A", "c"]
    iam.delete_user(UserName="b")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Roles"], summary["UsersQuota"]) == (2, 0, 5000)
