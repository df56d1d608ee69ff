"""Accounts, regions and callers apart from each other: what one has, another neither sees nor touches; over the wire."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ECHO = "def handler(event, context):\n    return event\n"


def target(name: str) -> dict[str, str]:
    return {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Logs_20140328.{name}"}


def code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    found: str = refused.value.response["Error"]["Code"]
    return found


def test_another_account(cloud: Any, account: str, make_function: Any) -> None:
    mine = make_function(cloud, "mine", ECHO, account)
    arn = mine.get_function(FunctionName="mine")["Configuration"]["FunctionArn"]
    cloud.client("logs", account=account).create_log_group(logGroupName="mine")
    cloud.client("iam", account=account).create_user(UserName="me")
    cloud.client("s3", account=account).create_bucket(Bucket=f"mine-{account}")
    other = str(int(account) + 7_000_000_000)
    theirs = cloud.client("lambda", account=other)
    assert code(theirs.invoke, FunctionName=arn).startswith("AccessDenied")
    assert code(theirs.delete_function, FunctionName=arn).startswith(("AccessDenied", "ResourceNotFound"))
    assert code(theirs.get_function, FunctionName="mine") == "ResourceNotFoundException"
    assert theirs.list_functions()["Functions"] == []
    assert cloud.client("logs", account=other).describe_log_groups()["logGroups"] == []
    assert (
        code(cloud.client("logs", account=other).delete_log_group, logGroupName="mine") == "ResourceNotFoundException"
    )
    assert cloud.client("iam", account=other).list_users()["Users"] == []
    s3 = cloud.client("s3", account=other)
    assert s3.list_buckets()["Buckets"] == []
    assert code(s3.list_objects_v2, Bucket=f"mine-{account}") == "AccessDenied"
    assert code(s3.delete_bucket, Bucket=f"mine-{account}") == "AccessDenied"
    assert code(s3.put_object, Bucket=f"mine-{account}", Key="k", Body=b"x") == "AccessDenied"


def test_another_region(cloud: Any, account: str, make_function: Any) -> None:
    make_function(cloud, "here", ECHO, account)
    cloud.client("logs", account=account).create_log_group(logGroupName="here")
    there = cloud.client("lambda", account=account, region="eu-west-1")
    assert code(there.get_function, FunctionName="here") == "ResourceNotFoundException"
    groups = cloud.client("logs", account=account, region="eu-west-1").describe_log_groups()["logGroups"]
    assert groups == []
    # IAM is global.
    roles = cloud.client("iam", account=account, region="eu-west-1").list_roles()["Roles"]
    assert [role["RoleName"] for role in roles] == ["worker"]


def test_nobody(sender: Any) -> None:
    sender.send("s3", "PUT", f"/nobody-{sender.account}")
    for method, path in (("GET", ""), ("PUT", "/k"), ("DELETE", ""), ("GET", "/k"), ("GET", "?policy")):
        reply = sender.send(None, method, f"/nobody-{sender.account}{path}")
        assert (reply.status, "<Code>AccessDenied</Code>" in reply.text) == (403, True)
    reply = sender.send(None, "POST", "/", target("CreateLogGroup"), b'{"logGroupName":"g"}')
    assert (reply.status, "MissingAuthenticationToken" in reply.text) == (400, True)
    reply = sender.send(None, "POST", "/", FORM, b"Action=CreateUser&UserName=u&Version=2010-05-08")
    assert (reply.status, "MissingAuthenticationToken" in reply.text) == (403, True)
    assert b"ListUsersResult" in sender.send("iam", "GET", "/?Action=ListUsers&Version=2010-05-08").body
    assert b"<UserName>" not in sender.send("iam", "GET", "/?Action=ListUsers&Version=2010-05-08").body


@pytest.mark.parametrize("size", [0, 200_000, 3_000_000])
def test_another_body_than_was_signed(sender: Any, size: int) -> None:
    signed, sent = b'{"logGroupName":"good"}', b'{"logGroupName":"evil"}' + b" " * size
    headers = sender.headers("logs", "POST", "/", target("CreateLogGroup"), signed)
    for framing in ({"Content-Length": str(len(sent))}, {"Transfer-Encoding": "chunked"}):
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **framing}.items())
        body = sent if "Content-Length" in framing else b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent)
        reply = sender.exchange(f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body)
        assert (reply.status, "InvalidSignatureException" in reply.text) == (400, True)
    assert b'"logGroups":[]' in sender.send("logs", "POST", "/", target("DescribeLogGroups"), b"{}").body


def test_internal_operations_are_not_reached(sender: Any) -> None:
    body = b'{"logGroupName":"g","logStreamName":"s","logEvents":[]}'
    reply = sender.send("logs", "POST", "/", target("DeliverEvents"), body)
    assert (reply.status, "UnknownOperationException" in reply.text) == (400, True)
    reply = sender.send("iam", "POST", "/", FORM, b"Action=TrustedRole&Version=2010-05-08")
    assert (reply.status, "InvalidAction" in reply.text) == (400, True)


def test_a_page_cannot_act_by_an_image(sender: Any) -> None:
    path = "/?Action=CreateUser&UserName=evil&Version=2010-05-08"
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Referer": "https://evil.example/"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ):
        assert sender.send("iam", "GET", path, headers).status in (403, 421)
        assert sender.send(None, "POST", "/_cumulet/reset", headers).status in (403, 421)
    assert b"<UserName>" not in sender.send("iam", "GET", "/?Action=ListUsers&Version=2010-05-08").body
