"""STS: who is asking, and roles that are assumed because their trust policies say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cumulet.app import make_registry
from cumulet.auth import credentials
from cumulet.base import context as principals
from cumulet.base.clock import ManualClock
from cumulet.base.errors import AwsError
from cumulet.base.ids import request_id
from cumulet.base.types import Json
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.store import keys, memory

ACCOUNT = "111122223333"


def trust(principal: Any, condition: Json | None = None, action: Any = "sts:AssumeRole") -> str:
    statement: Json = {"Effect": "Allow", "Principal": principal, "Action": action}
    if condition is not None:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def using(cloud: Any, service: str, issued: Json) -> Any:
    return cloud.client(
        service,
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )


@pytest.fixture
def sts(cloud: Any, account: str) -> Any:
    return cloud.client("sts", account=account)


@pytest.fixture
def role(cloud: Any, account: str) -> Callable[..., str]:
    """`role(name, trust document)` makes a role and returns its ARN."""
    iam = cloud.client("iam", account=account)

    def make(name: str, document: str, **more: Any) -> str:
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)["Role"]["Arn"])

    return make


def test_who_am_i(sts: Any, account: str, cloud: Any) -> None:
    who = sts.get_caller_identity()
    assert (who["UserId"], who["Account"], who["Arn"]) == (account, account, f"arn:aws:iam::{account}:root")
    done = cloud.aws("sts", "get-caller-identity", account=account)
    assert json.loads(done.stdout)["Arn"] == who["Arn"], done.stderr


def test_assuming_a_role(sts: Any, account: str, cloud: Any, role: Callable[..., str]) -> None:
    arn = role("Reader", trust({"AWS": account}), Path="/app/")
    before = datetime.now(UTC)
    answer = sts.assume_role(RoleArn=arn, RoleSessionName="me@home", DurationSeconds=900)
    session = f"arn:aws:sts::{account}:assumed-role/Reader/me@home"
    assert answer["AssumedRoleUser"]["Arn"] == session
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":me@home")
    assert "PackedPolicySize" not in answer
    issued = answer["Credentials"]
    assert issued["AccessKeyId"].startswith("ASIA")
    assert abs(issued["Expiration"] - before - timedelta(seconds=900)) < timedelta(seconds=30)
    who = using(cloud, "sts", issued).get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (session, answer["AssumedRoleUser"]["AssumedRoleId"])
    iam = cloud.client("iam", account=account)
    iam.attach_role_policy(RoleName="Reader", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert using(cloud, "logs", issued).describe_log_groups()["logGroups"] == []
    forged = {**issued, "SessionToken": issued["SessionToken"][:-4] + "AAAA"}
    assert refused(using(cloud, "sts", forged).get_caller_identity)[0] == "InvalidClientTokenId"
    assert refused(using(cloud, "iam", issued).get_user)[0] == "ValidationError"
    assert sts.get_access_key_info(AccessKeyId=issued["AccessKeyId"])["Account"] == account


def test_the_cli_assumes_a_role(account: str, cloud: Any, role: Callable[..., str]) -> None:
    arn = role("Reader", trust({"AWS": f"arn:aws:iam::{account}:root"}))
    done = cloud.aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", "cli", account=account)
    assert done.returncode == 0, done.stderr
    issued = json.loads(done.stdout)["Credentials"]
    assert using(cloud, "sts", issued).get_caller_identity()["Arn"].endswith("assumed-role/Reader/cli")


def test_the_trust_policy_decides(sts: Any, account: str, cloud: Any, role: Callable[..., str]) -> None:
    def denied(arn: str, who: str, action: str = "sts:AssumeRole") -> tuple[str, str]:
        return "AccessDenied", f"User: {who} is not authorized to perform: {action} on resource: {arn}"

    root = f"arn:aws:iam::{account}:root"
    service = role("ForLambda", trust({"Service": "lambda.amazonaws.com"}))
    assert refused(sts.assume_role, RoleArn=service, RoleSessionName="me") == denied(service, root)
    gone = service.replace("ForLambda", "Gone")
    assert refused(sts.assume_role, RoleArn=gone, RoleSessionName="me") == denied(gone, root)

    iam = cloud.client("iam", account=account)
    keys_ = {}
    for name in ("ada", "bob"):
        iam.create_user(UserName=name)
        keys_[name] = iam.create_access_key(UserName=name)["AccessKey"]
    only = role("OnlyAda", trust({"AWS": f"arn:aws:iam::{account}:user/ada"}))

    def as_user(name: str) -> Any:
        key = keys_[name]
        return cloud.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    assert as_user("ada").assume_role(RoleArn=only, RoleSessionName="me")["Credentials"]
    assert refused(as_user("bob").assume_role, RoleArn=only, RoleSessionName="me") == denied(
        only, f"arn:aws:iam::{account}:user/bob"
    )
    tags = [{"Key": "team", "Value": "a"}]
    assert refused(as_user("ada").assume_role, RoleArn=only, RoleSessionName="me", Tags=tags) == denied(
        only, f"arn:aws:iam::{account}:user/ada", "sts:TagSession"
    )


def test_external_id(sts: Any, account: str, role: Callable[..., str]) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret-12"}}
    arn = role("Partner", trust({"AWS": account}, condition))
    assert sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="secret-12")["Credentials"]
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", ExternalId="other")[0] == "AccessDenied"
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me")[0] == "AccessDenied"


def test_across_accounts(account: str, cloud: Any, role: Callable[..., str]) -> None:
    other = str(int(account) + 1)
    arn = role("Guest", trust({"AWS": other}))
    issued = cloud.client("sts", account=other).assume_role(RoleArn=arn, RoleSessionName="guest")["Credentials"]
    assert using(cloud, "sts", issued).get_caller_identity()["Account"] == account
    assert refused(cloud.client("sts", account=account).assume_role, RoleArn=arn, RoleSessionName="me")[0] == (
        "AccessDenied"
    )


def test_durations(sts: Any, account: str, cloud: Any, role: Callable[..., str]) -> None:
    long = role("Long", trust({"AWS": account}), MaxSessionDuration=7200)
    short = role("Short", trust({"AWS": account}))
    issued = sts.assume_role(RoleArn=long, RoleSessionName="me", DurationSeconds=7200)["Credentials"]
    assert refused(sts.assume_role, RoleArn=short, RoleSessionName="me", DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": long}]}
    )
    cloud.client("iam", account=account).put_role_policy(RoleName="Long", PolicyName="p", PolicyDocument=policy)
    assert "DurationSeconds" in str(
        refused(using(cloud, "sts", issued).assume_role, RoleArn=long, RoleSessionName="me", DurationSeconds=3601)[1]
    )
    assert refused(sts.assume_role, RoleArn="arn:aws:iam::1:user/nobody", RoleSessionName="me") == (
        "ValidationError",
        "arn:aws:iam::1:user/nobody is invalid",
    )


def test_what_a_session_brings(sts: Any, account: str, role: Callable[..., str]) -> None:
    arn = role("R", trust({"AWS": account}, action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    answer = sts.assume_role(
        RoleArn=arn,
        RoleSessionName="me",
        Policy=policy,
        Tags=[{"Key": "team", "Value": "a"}],
        SourceIdentity="ada",
    )
    assert 0 < answer["PackedPolicySize"] <= 100
    assert answer["SourceIdentity"] == "ada"
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", Policy="{}")[0] == "MalformedPolicyDocument"
    large = policy.replace('"s3:*"', json.dumps(["s3:GetObject"] * 200))
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", Policy=large)[0] == "PackedPolicyTooLarge"
    mfa = {"SerialNumber": f"arn:aws:iam::{account}:mfa/x", "TokenCode": "123456"}
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="me", **mfa)[0] == "AccessDenied"


def test_session_token(sts: Any, account: str, cloud: Any) -> None:
    issued = sts.get_session_token(DurationSeconds=900)["Credentials"]
    mine = using(cloud, "sts", issued)
    assert mine.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    assert refused(mine.get_session_token) == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    )


class Room:
    """An account with one role that Lambda may assume, on a clock that can be moved."""

    def __init__(self) -> None:
        kv, blobs = memory.open()
        self.clock = ManualClock()

        def no_functions(_machine: Machine) -> Any:
            raise AssertionError("no functions here")

        self.kv = kv
        self.kernel = Kernel(
            Machine(Settings(ephemeral=True, rehearse=True), kv, blobs, no_functions, self.clock), make_registry()
        )
        document = trust({"Service": "lambda.amazonaws.com"})
        params = {"RoleName": "R", "AssumeRolePolicyDocument": document}
        self.context("iam").transact(lambda ctx: ctx.call("iam", "CreateRole", params))

    def context(self, service: str) -> Context:
        return Context(self.kernel, service, principals.root(ACCOUNT), ACCOUNT, "us-east-1", request_id())

    def issue(self, by: str = "lambda.amazonaws.com", role: str = "R") -> Json:
        params = {
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
            "RoleSessionName": "thumbs",
            "DurationSeconds": 3600,
        }
        caller = principals.service(by, ACCOUNT, f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:thumbs")
        return self.context("lambda").transact(
            lambda ctx: ctx.call("sts", "IssueServiceCredentials", params, principal=caller)
        )

    def keys(self) -> int:
        lo, hi = keys.bounds(keys.space("", "", "credentials"))
        return len(self.kv.begin().range(lo, hi, 1000))


def test_credentials_for_a_service() -> None:
    room = Room()
    issued = room.issue()
    assert issued["Expiration"] == int(room.clock.time()) + 3600
    key = credentials.lookup(room.kv.begin(), issued["AccessKeyId"])
    assert key is not None
    assert key.accepts(issued["SessionToken"])
    assert (key.secret, key.expires) == (issued["SecretAccessKey"], room.clock.time() + 3600)
    assert key.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/R/thumbs"
    assert (key.principal.kind, key.principal.name, key.principal.session) == ("role", "R", "thumbs")


@pytest.mark.parametrize(("by", "role"), [("ec2.amazonaws.com", "R"), ("lambda.amazonaws.com", "Gone")])
def test_no_credentials_for_a_service_that_is_not_trusted(by: str, role: str) -> None:
    with pytest.raises(AwsError, match=f"User: {by} is not authorized to perform: sts:AssumeRole on resource: ") as err:
        Room().issue(by, role)
    assert (err.value.code, err.value.status) == ("AccessDenied", 403)


def test_expired_credentials_go_away_in_time() -> None:
    room = Room()
    first = room.issue()
    for _ in range(9):
        room.issue()
    assert room.keys() == 10
    room.clock.advance(3 * 3600)
    room.issue()
    # They have ended, but their user is still told so by name.
    assert credentials.lookup(room.kv.begin(), first["AccessKeyId"]) is not None
    room.clock.advance(86_400)
    for _ in range(4):
        room.issue()
    assert credentials.lookup(room.kv.begin(), first["AccessKeyId"]) is None
    # The four new ones, and one whose end is less than a day ago.
    assert room.keys() == 5
