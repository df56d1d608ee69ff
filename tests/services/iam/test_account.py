"""The account: alias, password policy, counts, everything at once, the credential report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def test_alias(iam: Any, cloud: Any, account: str) -> None:
    alias = f"team-{account}"
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    other = cloud.client("iam", account=str(int(account) + 5_000_000))
    assert refused(other.create_account_alias, AccountAlias=alias) == (
        "EntityAlreadyExists",
        f"The account alias {alias} already exists.",
    )
    iam.create_account_alias(AccountAlias=alias + "-2")
    assert refused(iam.delete_account_alias, AccountAlias=alias)[0] == "NoSuchEntity"
    other.create_account_alias(AccountAlias=alias)
    iam.delete_account_alias(AccountAlias=alias + "-2")
    assert iam.list_account_aliases()["AccountAliases"] == []
    other.delete_account_alias(AccountAlias=alias)


def test_password_policy(iam: Any, account: str) -> None:
    nothing = ("NoSuchEntity", f"The Password Policy with domain name {account} cannot be found.")
    assert refused(iam.get_account_password_policy) == nothing
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireSymbols=True, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["ExpirePasswords"], policy["MaxPasswordAge"]) == (12, True, 90)
    assert (policy["RequireSymbols"], policy["RequireNumbers"]) == (True, False)
    iam.update_account_password_policy()
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["ExpirePasswords"], policy["RequireSymbols"]) == (6, False, False)
    iam.delete_account_password_policy()
    assert refused(iam.delete_account_password_policy) == nothing


def test_everything_at_once(iam: Any, account: str) -> None:
    for number in range(3):
        iam.create_user(UserName=f"u{number}")
        iam.create_group(GroupName=f"g{number}")
        iam.add_user_to_group(GroupName=f"g{number}", UserName=f"u{number}")
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
    iam.put_user_policy(UserName="u0", PolicyName="p", PolicyDocument=json.dumps(ALLOW))
    own = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(ALLOW))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="r0", PolicyArn=own)
    iam.attach_group_policy(GroupName="g0", PolicyArn=READ_ONLY)
    iam.create_instance_profile(InstanceProfileName="p")
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r0")
    whole = iam.get_account_authorization_details()
    [first, *_] = whole["UserDetailList"]
    assert first["GroupList"] == ["g0"]
    assert first["UserPolicyList"] == [{"PolicyName": "p", "PolicyDocument": ALLOW}]
    assert whole["RoleDetailList"][0]["AttachedManagedPolicies"] == [{"PolicyName": "own", "PolicyArn": own}]
    assert whole["RoleDetailList"][0]["InstanceProfileList"][0]["InstanceProfileName"] == "p"
    assert whole["RoleDetailList"][0]["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert [policy["Arn"] for policy in whole["Policies"]] == [own, READ_ONLY]
    assert whole["Policies"][0]["PolicyVersionList"][0]["Document"] == ALLOW

    def walked(size: int, **params: Any) -> list[str]:
        pages = iam.get_paginator("get_account_authorization_details").paginate(
            PaginationConfig={"PageSize": size}, **params
        )
        return [
            entry["Arn"]
            for page in pages
            for member in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
            for entry in page[member]
        ]

    assert len(walked(1000)) == 11
    assert walked(1) == walked(3) == walked(4) == walked(1000)
    assert walked(2, Filter=["Role", "LocalManagedPolicy"]) == [
        *(f"arn:aws:iam::{account}:role/r{number}" for number in range(3)),
        own,
    ]
    summary = iam.get_account_summary()["SummaryMap"]
    assert [summary[name] for name in ("Users", "Groups", "Roles", "Policies", "InstanceProfiles")] == [3, 3, 3, 1, 1]


def test_credential_report(iam: Any, cloud: Any, account: str) -> None:
    assert refused(iam.get_credential_report)[0] == "ReportNotPresent"
    iam.create_user(UserName="ada", Path="/x/")
    iam.create_login_profile(UserName="ada", Password="Correct-Horse-9")
    iam.create_access_key(UserName="ada")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert [row["user"] for row in rows] == ["<root_account>", "ada"]
    ada = rows[1]
    assert ada["arn"] == f"arn:aws:iam::{account}:user/x/ada"
    assert (ada["password_enabled"], ada["mfa_active"]) == ("true", "false")
    assert (ada["access_key_1_active"], ada["access_key_2_active"]) == ("true", "false")
    assert None not in ada
    done = cloud.aws("iam", "get-credential-report", "--query", "ReportFormat", account=account)
    assert json.loads(done.stdout) == "text/csv", done.stderr


def test_what_a_key_was_last_used_for(iam: Any, cloud: Any) -> None:
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == ("ada", "N/A")
    assert "LastUsedDate" not in used["AccessKeyLastUsed"]
    sts = cloud.client(
        "sts",
        region="eu-west-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    sts.get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1")
    assert refused(iam.get_access_key_last_used, AccessKeyId="AKIA" + "X" * 16)[0] == "AccessDenied"


def test_what_is_never_there(iam: Any) -> None:
    iam.create_user(UserName="ada")
    assert iam.list_ssh_public_keys(UserName="ada")["SSHPublicKeys"] == []
    assert iam.list_signing_certificates(UserName="ada")["Certificates"] == []
    assert iam.list_service_specific_credentials(UserName="ada")["ServiceSpecificCredentials"] == []
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    assert refused(iam.list_ssh_public_keys, UserName="bob")[0] == "NoSuchEntity"
