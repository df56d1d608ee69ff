"""Roles decide: what a policy does not allow is refused in AWS's words, and allowed a moment after it has been attached."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
WRITER = """
import boto3
s3 = boto3.client("s3")

def handler(event, context):
    s3.put_object(Bucket=event["bucket"], Key="k", Body=b"x")
    return "written"
"""


def trusting(principal: dict[str, Any]) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allowing(action: str | list[str], resource: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Caller:
    """A session of a role of the account, and clients that act in it."""

    def __init__(self, cloud: Any, account: str) -> None:
        self.cloud = cloud
        self.account = account
        self.iam = cloud.client("iam", account=account)
        trust = trusting({"AWS": f"arn:aws:iam::{account}:root"})
        self.role = self.iam.create_role(RoleName="caller", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        sts = cloud.client("sts", account=account)
        self.keys = sts.assume_role(RoleArn=self.role, RoleSessionName="me")["Credentials"]
        self.arn = f"arn:aws:sts::{account}:assumed-role/caller/me"

    def client(self, service: str) -> Any:
        return self.cloud.client(
            service,
            aws_access_key_id=self.keys["AccessKeyId"],
            aws_secret_access_key=self.keys["SecretAccessKey"],
            aws_session_token=self.keys["SessionToken"],
        )

    def may(self, document: str, name: str = "p") -> None:
        self.iam.put_role_policy(RoleName="caller", PolicyName=name, PolicyDocument=document)


@pytest.fixture
def caller(cloud: Any, account: str) -> Caller:
    return Caller(cloud, account)


def refused(call: Callable[[], Any]) -> tuple[str, str, int, str]:
    """Code, message, status and request id of the error that `call` must raise."""
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    meta = response["ResponseMetadata"]
    return response["Error"]["Code"], response["Error"]["Message"], meta["HTTPStatusCode"], meta["RequestId"]


def test_s3_refuses_in_its_own_words(caller: Caller, account: str) -> None:
    caller.cloud.client("s3", account=account).create_bucket(Bucket=f"b-{account}")
    s3 = caller.client("s3")
    code, message, status, _ = refused(lambda: s3.put_object(Bucket=f"b-{account}", Key="k", Body=b"1"))
    assert (code, status) == ("AccessDenied", 403)
    assert message == (
        f'User: {caller.arn} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::b-{account}/k" '
        "because no identity-based policy allows the s3:PutObject action"
    )
    caller.may(allowing("s3:PutObject", f"arn:aws:s3:::b-{account}/k*"))
    s3.put_object(Bucket=f"b-{account}", Key="k", Body=b"1")
    assert refused(lambda: s3.put_object(Bucket=f"b-{account}", Key="other", Body=b"1"))[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "resource", "code"),
    [
        ("lambda", "list_functions", {}, "lambda:ListFunctions", "*", "AccessDeniedException"),
        (
            "logs",
            "create_log_group",
            {"logGroupName": "g"},
            "logs:CreateLogGroup",
            "arn:aws:logs:us-east-1:{account}:log-group:g:log-stream:",
            "AccessDeniedException",
        ),
        ("iam", "list_roles", {}, "iam:ListRoles", "arn:aws:iam::{account}:role/", "AccessDenied"),
    ],
)
def test_other_services_too(
    caller: Caller, service: str, operation: str, params: dict[str, Any], action: str, resource: str, code: str
) -> None:
    def call() -> Any:
        return getattr(caller.client(service), operation)(**params)

    found, message, _, _ = refused(call)
    assert found == code
    assert f"User: {caller.arn} is not authorized to perform: {action}" in message
    assert f"because no identity-based policy allows the {action} action" in message
    if resource != "*":
        assert f"on resource: {resource.format(account=caller.account)}" in message
    caller.may(allowing(action, "*"))
    call()


def test_an_explicit_deny_wins(caller: Caller, account: str) -> None:
    caller.may(allowing("*", "*"))
    caller.client("lambda").list_functions()
    deny = allowing("lambda:List*", "*").replace("Allow", "Deny")
    caller.may(deny, "deny")
    _, message, _, _ = refused(lambda: caller.client("lambda").list_functions())
    assert message.endswith("with an explicit deny in an identity-based policy")


def test_get_caller_identity_needs_no_permission(caller: Caller) -> None:
    assert caller.client("sts").get_caller_identity()["Arn"] == caller.arn


def test_whoever_may_not_list_does_not_learn_what_is_missing(caller: Caller, account: str) -> None:
    caller.cloud.client("s3", account=account).create_bucket(Bucket=f"b-{account}")
    caller.may(allowing("s3:GetObject", "*"))
    s3 = caller.client("s3")
    assert refused(lambda: s3.get_object(Bucket=f"b-{account}", Key="none"))[0] == "AccessDenied"
    caller.may(allowing("s3:ListBucket", "*"), "list")
    assert refused(lambda: s3.get_object(Bucket=f"b-{account}", Key="none"))[0] == "NoSuchKey"


def test_conditions_see_the_request(caller: Caller, account: str) -> None:
    caller.cloud.client("s3", account=account).create_bucket(Bucket=f"b-{account}")
    condition = {"StringLike": {"s3:prefix": ["home/*"]}}
    caller.may(allowing("s3:ListBucket", "*", Condition=condition))
    s3 = caller.client("s3")
    s3.list_objects_v2(Bucket=f"b-{account}", Prefix="home/me")
    assert refused(lambda: s3.list_objects_v2(Bucket=f"b-{account}"))[0] == "AccessDenied"


def test_each_key_of_a_delete_is_judged_for_itself(caller: Caller, account: str) -> None:
    root = caller.cloud.client("s3", account=account)
    root.create_bucket(Bucket=f"b-{account}")
    for key in ("mine/a", "theirs/a"):
        root.put_object(Bucket=f"b-{account}", Key=key, Body=b"")
    caller.may(allowing("s3:DeleteObject", f"arn:aws:s3:::b-{account}/mine/*"))
    objects = [{"Key": "mine/a"}, {"Key": "theirs/a"}]
    answer = caller.client("s3").delete_objects(Bucket=f"b-{account}", Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["mine/a"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("theirs/a", "AccessDenied")]


def test_a_copy_needs_its_source_too(caller: Caller, account: str) -> None:
    root = caller.cloud.client("s3", account=account)
    root.create_bucket(Bucket=f"b-{account}")
    root.put_object(Bucket=f"b-{account}", Key="from", Body=b"1")
    caller.may(allowing("s3:PutObject", "*"))
    copy = {"Bucket": f"b-{account}", "Key": "to", "CopySource": f"b-{account}/from"}
    assert "s3:GetObject" in refused(lambda: caller.client("s3").copy_object(**copy))[1]
    caller.may(allowing("s3:GetObject", "*"), "get")
    caller.client("s3").copy_object(**copy)


def test_handing_over_a_role_needs_pass_role(caller: Caller, account: str) -> None:
    trust = trusting({"Service": "lambda.amazonaws.com"})
    role = caller.iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    caller.may(allowing("lambda:*", "*"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1\n")
    create = {"FunctionName": "f", "Runtime": RUNTIME, "Handler": "app.handler", "Role": role}
    create["Code"] = {"ZipFile": buffer.getvalue()}
    functions = caller.client("lambda")
    assert "iam:PassRole" in refused(lambda: functions.create_function(**create))[1]
    passing = allowing(
        "iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    )
    caller.may(passing, "pass")
    functions.create_function(**create)


def test_a_functions_own_policy_may_allow_what_no_identity_policy_does(caller: Caller, account: str) -> None:
    trust = trusting({"Service": "lambda.amazonaws.com"})
    role = caller.iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1\n")
    root = caller.cloud.client("lambda", account=account)
    code = {"ZipFile": buffer.getvalue()}
    root.create_function(FunctionName="f", Runtime=RUNTIME, Handler="app.handler", Role=role, Code=code)
    root.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    functions = caller.client("lambda")
    assert "lambda:InvokeFunction" in refused(lambda: functions.invoke(FunctionName="f"))[1]
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": caller.role}
    root.add_permission(FunctionName="f", **permission)
    assert functions.invoke(FunctionName="f")["Payload"].read() == b"1"
    caller.may(allowing("lambda:InvokeFunction", "*").replace("Allow", "Deny"))
    assert "explicit deny" in refused(lambda: functions.invoke(FunctionName="f"))[1]


def test_a_function_is_refused_until_its_role_allows(cloud: Any, account: str, eventually: Callable[..., Any]) -> None:
    iam, functions, s3 = (cloud.client(name, account=account) for name in ("iam", "lambda", "s3"))
    s3.create_bucket(Bucket=f"b-{account}")
    trust = trusting({"Service": "lambda.amazonaws.com"})
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", WRITER)
    functions.create_function(
        FunctionName="f",
        Runtime=RUNTIME,
        Handler="app.handler",
        Role=role,
        Timeout=20,
        Code={"ZipFile": buffer.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})

    def invoke() -> Any:
        payload = json.dumps({"bucket": f"b-{account}"})
        return json.load(functions.invoke(FunctionName="f", Payload=payload)["Payload"])

    first = invoke()
    assert "(AccessDenied)" in first["errorMessage"]
    assert f"assumed-role/worker/f is not authorized to perform: s3:PutObject" in first["errorMessage"]  # noqa: F541
    document = allowing("s3:PutObject", f"arn:aws:s3:::b-{account}/*")
    iam.put_role_policy(RoleName="worker", PolicyName="write", PolicyDocument=document)
    assert invoke() == "written"
    iam.delete_role_policy(RoleName="worker", PolicyName="write")
    assert "AccessDenied" in invoke()["errorMessage"]


def test_credentials_of_a_deleted_role_are_worthless(caller: Caller) -> None:
    caller.client("sts").get_caller_identity()
    caller.iam.delete_role(RoleName="caller")
    code, _, status, _ = refused(lambda: caller.client("sts").get_caller_identity())
    assert (code, status) == ("InvalidClientTokenId", 403)
    trust = trusting({"AWS": f"arn:aws:iam::{caller.account}:root"})
    caller.iam.create_role(RoleName="caller", AssumeRolePolicyDocument=trust)
    assert refused(lambda: caller.client("sts").get_caller_identity())[0] == "InvalidClientTokenId"


def test_why_names_the_statement_that_decided(caller: Caller, account: str, tmp_path: Path) -> None:
    def why(request_id: str) -> str:
        command = [sys.executable, "-m", "cumulet", "iam", "why", request_id, "--port", str(caller.cloud.port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    deny = {"Sid": "NoLists", "Effect": "Deny", "Action": "lambda:List*", "Resource": "*"}
    allow = {"Sid": "Most", "Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    caller.may(json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    functions = caller.client("lambda")
    told = why(refused(lambda: functions.list_functions())[3])
    assert "explicit deny" in told
    assert "NoLists" in told
    assert "role/caller/p" in told
    allowed = functions.get_account_settings()["ResponseMetadata"]["RequestId"]
    assert "Most" in why(allowed)


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_the_other_modes(mode: str, start_cloud: Callable[..., Any], account: str) -> None:
    cloud = start_cloud("--ephemeral", "--iam", mode)
    Caller(cloud, account).client("lambda").list_functions()
    assert ("iam warn: User: arn:aws:sts::" in cloud.log()) is (mode == "warn")


def test_a_function_whose_role_may_not_write_logs_has_none(
    cloud: Any, account: str, eventually: Callable[..., Any]
) -> None:
    iam, functions, logs = (cloud.client(name, account=account) for name in ("iam", "lambda", "logs"))
    role = iam.create_role(RoleName="mute", AssumeRolePolicyDocument=trusting({"Service": "lambda.amazonaws.com"}))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    print('said', event)\n")
    functions.create_function(
        FunctionName="f",
        Runtime=RUNTIME,
        Handler="app.handler",
        Role=role["Role"]["Arn"],
        Code={"ZipFile": buffer.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 1})
    functions.invoke(FunctionName="f", Payload=b"1")
    eventually(lambda: "no log of /aws/lambda/f" in cloud.log(), what="the warning")
    assert logs.describe_log_groups()["logGroups"] == []
    execution = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="mute", PolicyArn=execution)
    functions.invoke(FunctionName="f", Payload=b"2")

    def said() -> list[str]:
        groups = logs.describe_log_groups()["logGroups"]
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"] if groups else []
        return [event["message"] for event in events]

    eventually(lambda: "said 2\n" in said(), what="the log")
    assert "said 1\n" not in said()
