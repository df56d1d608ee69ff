"""What sessions bring along: policies, tags, a source identity; federated users; tokens; encoded messages; their end."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import botocore.auth
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cumulet.app import make_registry
from cumulet.auth import credentials
from cumulet.base import context as principals
from cumulet.base.clock import ManualClock
from cumulet.base.errors import AwsError
from cumulet.base.ids import request_id
from cumulet.base.messages import BytesBody, Request, Response
from cumulet.base.types import Json
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.dispatch import Dispatcher
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.store import memory

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
IAM_READ = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def document(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def allow(action: Any, resource: str = "*") -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": resource})


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
        aws_session_token=issued.get("SessionToken"),
    )


@pytest.fixture
def sts(cloud: Any, account: str) -> Any:
    return cloud.client("sts", account=account)


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


@pytest.fixture
def role(iam: Any, account: str) -> str:
    """The ARN of a role that may do everything and lets the whole account in, with tags and a source identity."""
    made = iam.create_role(
        RoleName="Admin",
        AssumeRolePolicyDocument=trust({"AWS": account}, ALL),
        Tags=[{"Key": "Team", "Value": "role"}, {"Key": "cost", "Value": "1"}],
    )
    iam.attach_role_policy(RoleName="Admin", PolicyArn=ADMIN)
    return str(made["Role"]["Arn"])


def test_session_policies_cap(sts: Any, cloud: Any, iam: Any, role: str) -> None:
    def session(**more: Any) -> Any:
        return using(cloud, "iam", sts.assume_role(RoleArn=role, RoleSessionName="me", **more)["Credentials"])

    assert session().create_group(GroupName="g1")
    inline = session(Policy=allow("iam:ListUsers"))
    assert inline.list_users()["Users"] == []
    arn = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/me"
    told = (
        f"User: {arn} is not authorized to perform: iam:ListRoles on resource: {role.rpartition(':')[0]}:role/ because no "
        "session policy allows the iam:ListRoles action"
    )
    assert refused(inline.list_roles) == ("AccessDenied", told)
    managed = session(PolicyArns=[{"arn": IAM_READ}])
    assert managed.list_users()["Users"] == []
    assert refused(managed.create_group, GroupName="g2")[0] == "AccessDenied"
    own = iam.create_policy(PolicyName="own", PolicyDocument=allow("iam:ListGroups"))["Policy"]["Arn"]
    both = session(PolicyArns=[{"arn": own}], Policy=allow("iam:ListUsers"))
    assert both.list_groups()["Groups"]
    assert both.list_users()["Users"] == []
    assert refused(both.list_roles)[0] == "AccessDenied"
    gone = {"RoleArn": role, "RoleSessionName": "me", "PolicyArns": [{"arn": own + "x"}]}
    assert refused(sts.assume_role, **gone)[0] == "MalformedPolicyDocument"


def test_session_tags(sts: Any, cloud: Any, iam: Any, role: str, account: str) -> None:
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "project", "Value": "p"}]
    issued = sts.assume_role(RoleArn=role, RoleSessionName="me", Tags=tags, TransitiveTagKeys=["project"])[
        "Credentials"
    ]
    mine = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    iam.create_user(UserName="blue", Tags=[{"Key": "team", "Value": "blue"}])
    iam.detach_role_policy(RoleName="Admin", PolicyArn=ADMIN)
    policy = document({"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*", "Condition": mine})
    iam.put_role_policy(RoleName="Admin", PolicyName="p", PolicyDocument=policy)
    session = using(cloud, "iam", issued)
    assert session.get_user(UserName="blue")
    iam.tag_user(UserName="blue", Tags=[{"Key": "team", "Value": "red"}])
    assert refused(session.get_user, UserName="blue")[0] == "AccessDenied"

    # The next role of the chain inherits the transitive tag, and its trust policy can ask for it.
    iam.put_role_policy(RoleName="Admin", PolicyName="p", PolicyDocument=allow(ALL))
    asks = trust({"AWS": role}, ALL, Condition={"StringEquals": {"aws:RequestTag/project": "p"}})
    iam.create_role(RoleName="Next", AssumeRolePolicyDocument=asks)
    chained = {"RoleArn": role.replace("Admin", "Next"), "RoleSessionName": "me"}
    assert using(cloud, "sts", issued).assume_role(**chained)["Credentials"]
    plain = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    assert refused(using(cloud, "sts", plain).assume_role, **chained)[0] == "AccessDenied"
    again = [{"Key": "Project", "Value": "q"}]
    assert refused(using(cloud, "sts", issued).assume_role, **chained, Tags=again)[0] == "InvalidParameterValue"
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="me", TransitiveTagKeys=["x"])[0] == (
        "InvalidParameterValue"
    )


def test_a_source_identity_stays(sts: Any, cloud: Any, iam: Any, role: str, account: str) -> None:
    asks = trust({"AWS": account}, ALL, Condition={"StringEquals": {"sts:SourceIdentity": "ada"}})
    iam.create_role(RoleName="Next", AssumeRolePolicyDocument=asks)
    chained = {"RoleArn": role.replace("Admin", "Next"), "RoleSessionName": "me"}
    answer = sts.assume_role(RoleArn=role, RoleSessionName="me", SourceIdentity="ada")
    session = using(cloud, "sts", answer["Credentials"])
    assert session.assume_role(**chained)["SourceIdentity"] == "ada"
    assert refused(session.assume_role, **chained, SourceIdentity="bob")[0] == "AccessDenied"
    plain = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    assert refused(using(cloud, "sts", plain).assume_role, **chained)[0] == "AccessDenied"


def test_within_an_account_the_callers_policies_count(cloud: Any, iam: Any, role: str, account: str) -> None:
    iam.create_user(UserName="ada")
    ada = using(cloud, "sts", iam.create_access_key(UserName="ada")["AccessKey"])
    wanted = {"RoleArn": role, "RoleSessionName": "me"}
    # The trust policy names the account only: whom of its users it may be, IAM says.
    assert refused(ada.assume_role, **wanted)[0] == "AccessDenied"
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=allow("sts:AssumeRole", role))
    assert ada.assume_role(**wanted)["Credentials"]
    assert refused(ada.assume_role, **wanted, Tags=[{"Key": "a", "Value": "b"}])[0] == "AccessDenied"
    iam.delete_user_policy(UserName="ada", PolicyName="p")
    named = trust({"AWS": f"arn:aws:iam::{account}:user/ada"})
    iam.update_assume_role_policy(RoleName="Admin", PolicyDocument=named)
    assert ada.assume_role(**wanted)["Credentials"]
    deny = document({"Effect": "Deny", "Action": "sts:*", "Resource": "*"})
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=deny)
    assert refused(ada.assume_role, **wanted)[0] == "AccessDenied"


def test_a_role_that_wants_mfa(sts: Any, iam: Any, role: str, account: str) -> None:
    asks = trust({"AWS": account}, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})
    iam.update_assume_role_policy(RoleName="Admin", PolicyDocument=asks)
    assert refused(sts.assume_role, RoleArn=role, RoleSessionName="me")[0] == "AccessDenied"


def test_federated_users(sts: Any, cloud: Any, iam: Any, account: str) -> None:
    iam.create_user(UserName="ada")
    ada = using(cloud, "sts", iam.create_access_key(UserName="ada")["AccessKey"])
    wanted = {"Name": "guest", "Policy": allow("iam:ListUsers"), "DurationSeconds": 900}
    assert refused(ada.get_federation_token, **wanted)[0] == "AccessDenied"
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=allow(["sts:GetFederationToken", "iam:*"]))
    answer = ada.get_federation_token(**wanted)
    arn = f"arn:aws:sts::{account}:federated-user/guest"
    assert answer["FederatedUser"] == {"FederatedUserId": f"{account}:guest", "Arn": arn}
    assert 0 < answer["PackedPolicySize"] <= 100
    guest = using(cloud, "sts", answer["Credentials"])
    who = guest.get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (arn, f"{account}:guest")
    assert refused(guest.get_federation_token, Name="other")[0] == "AccessDenied"
    assert refused(guest.get_session_token)[0] == "AccessDenied"
    assert refused(using(cloud, "iam", answer["Credentials"]).list_roles)[0] == "AccessDenied"
    tagged = refused(ada.get_federation_token, **wanted, Tags=[{"Key": "a", "Value": "b"}])
    assert (tagged[0], "sts:TagSession" in tagged[1]) == ("AccessDenied", True)
    root = sts.get_federation_token(Name="guest", DurationSeconds=129_600)["Credentials"]
    assert (root["Expiration"] - datetime.now(UTC)).total_seconds() <= 3600


def test_federated_users_have_what_both_allow(sts: Any, cloud: Any, iam: Any) -> None:
    iam.create_user(UserName="ada")
    ada = using(cloud, "sts", iam.create_access_key(UserName="ada")["AccessKey"])
    policy = allow(["sts:GetFederationToken", "iam:List*"])
    iam.put_user_policy(UserName="ada", PolicyName="p", PolicyDocument=policy)
    wanted = {"Name": "guest", "Policy": allow(["iam:ListUsers", "iam:GetUser"])}
    guest = using(cloud, "iam", ada.get_federation_token(**wanted)["Credentials"])
    assert guest.list_users()["Users"]
    assert refused(guest.list_roles)[0] == "AccessDenied"
    assert refused(guest.get_user, UserName="ada")[0] == "AccessDenied"
    of_root = using(cloud, "iam", sts.get_federation_token(**wanted)["Credentials"])
    assert of_root.get_user(UserName="ada")
    assert refused(of_root.list_roles)[0] == "AccessDenied"


def token(**claims: Any) -> str:
    parts = ({"alg": "RS256", "typ": "JWT"}, {"sub": "x", **claims})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


def test_web_identities(cloud: Any, iam: Any, role: str) -> None:
    sts = cloud.client("sts", config=Config(signature_version=UNSIGNED))
    later = int(time.time()) + 600
    malformed = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    issuer = f"id-{role.split(':')[4]}.example.com"
    iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=["app"])
    good = {"iss": f"https://{issuer}", "aud": "app", "exp": later}
    for given, code, message in (
        ("nonsense", "InvalidIdentityToken", malformed),
        ("a.b.c", "InvalidIdentityToken", malformed),
        ("é.é.é", "InvalidIdentityToken", malformed),
        (token(exp=later), "InvalidIdentityToken", malformed),
        (
            token(**{**good, "iss": "https://other.example.com"}),
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://other.example.com",
        ),
        (token(**{**good, "aud": ["else"]}), "InvalidIdentityToken", "Incorrect token audience"),
        (token(**{**good, "exp": 1}), "ExpiredTokenException", "Token expired: current date/time"),
        (token(**good), "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"),
    ):
        wanted = {"RoleArn": role, "RoleSessionName": "me", "WebIdentityToken": given}
        told = refused(sts.assume_role_with_web_identity, **wanted)
        assert (told[0], told[1][: len(message)]) == (code, message)


class Cloud:
    """A cloud in this process, on a clock that can be moved."""

    def __init__(self) -> None:
        kv, blobs = memory.open()
        self.clock = ManualClock(1_800_000_000.0)

        def no_functions(_machine: Machine) -> Any:
            raise AssertionError("no functions here")

        def no_chunks(_request: Request, _verifier: Any) -> Any:
            raise AssertionError("no chunks here")

        machine = Machine(Settings(ephemeral=True, rehearse=True), kv, blobs, no_functions, self.clock)
        self.kernel = Kernel(machine, make_registry())
        self.dispatch = Dispatcher(self.kernel, no_chunks)

    def call(self, monkeypatch: pytest.MonkeyPatch, service: str, keys: Json, **params: str) -> tuple[int, bytes]:
        """Answer a signed query; returns status and body."""
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now)
        version = {"sts": "2011-06-15", "iam": "2010-05-08"}[service]
        body = urlencode({"Version": version, **params}).encode()
        request = AWSRequest(
            "POST",
            f"http://{service}.localhost/",
            data=body,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Host": f"{service}.localhost"},
        )
        signer = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys.get("SessionToken"))
        SigV4Auth(signer, service, "us-east-1").add_auth(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self.dispatch(Request("POST", "/", headers, BytesBody(body)))
        assert isinstance(answer, Response)
        assert isinstance(answer.body, bytes)
        return answer.status, answer.body

    def internal(self, service: str, operation: str, params: Json, account: str = "111122223333") -> Json:
        ctx = Context(self.kernel, service, principals.root(account), account, "us-east-1", request_id())
        return ctx.transact(lambda inside: inside.call(service, operation, params))


def test_credentials_end_at_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    account = "111122223333"
    cloud.internal("iam", "CreateRole", {"RoleName": "R", "AssumeRolePolicyDocument": trust({"AWS": account})})
    cloud.internal("iam", "AttachRolePolicy", {"RoleName": "R", "PolicyArn": IAM_READ})
    wanted = {"RoleArn": f"arn:aws:iam::{account}:role/R", "RoleSessionName": "me", "DurationSeconds": 900}
    issued = cloud.internal("sts", "AssumeRole", wanted)["Credentials"]
    assert cloud.call(monkeypatch, "iam", issued, Action="ListRoles")[0] == 200
    cloud.clock.advance(899)
    assert cloud.call(monkeypatch, "iam", issued, Action="ListRoles")[0] == 200
    cloud.clock.advance(1)
    status, body = cloud.call(monkeypatch, "iam", issued, Action="ListRoles")
    assert status == 403
    assert b"<Code>ExpiredToken</Code>" in body


def test_encoded_messages() -> None:
    cloud = Cloud()
    text = json.dumps({"allowed": False, "action": "ec2:RunInstances"})
    encoded = cloud.internal("sts", "EncodeAuthorizationMessage", {"DecodedMessage": text})["EncodedMessage"]
    assert cloud.internal("sts", "DecodeAuthorizationMessage", {"EncodedMessage": encoded}) == {"DecodedMessage": text}
    for wrong, account in (
        (encoded, "999999999999"),
        (encoded[:-2], "111122223333"),
        ("é", "1" * 12),
        ("AAAA", "1" * 12),
    ):
        with pytest.raises(AwsError, match="InvalidAuthorizationMessageException"):
            cloud.internal("sts", "DecodeAuthorizationMessage", {"EncodedMessage": wrong}, account)


def test_messages_that_nobody_encoded(sts: Any) -> None:
    assert (
        refused(sts.decode_authorization_message, EncodedMessage="x" * 40)[0] == "InvalidAuthorizationMessageException"
    )


def test_what_a_key_keeps_of_its_session() -> None:
    cloud = Cloud()
    account = "111122223333"
    document_ = trust({"AWS": account}, ALL)
    cloud.internal("iam", "CreateRole", {"RoleName": "R", "AssumeRolePolicyDocument": document_})
    wanted = {
        "RoleArn": f"arn:aws:iam::{account}:role/R",
        "RoleSessionName": "me",
        "Policy": allow("s3:*"),
        "PolicyArns": [{"arn": IAM_READ}],
        "Tags": [{"Key": "Team", "Value": "a"}],
        "TransitiveTagKeys": ["Team"],
        "SourceIdentity": "ada",
    }
    issued = cloud.internal("sts", "AssumeRole", wanted)["Credentials"]
    key = credentials.lookup(cloud.kernel.machine.kv.begin(), issued["AccessKeyId"])
    assert key is not None
    assert key.session_policies == (allow("s3:*"), IAM_READ)
    assert (key.session_tags, key.transitive_tags, key.source_identity) == ({"Team": "a"}, ("Team",), "ada")
    assert key.principal.tags == {"Team": "a"}
