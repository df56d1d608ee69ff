"""Simulated decisions: the same as real ones, with reasons."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET = "arn:aws:s3:::photos"


def document(*statements: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=indent)


def statement(action: Any, resource: Any = "*", effect: Any = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def decisions(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {
        (result["EvalActionName"], result["EvalResourceName"]): result["EvalDecision"]
        for result in answer["EvaluationResults"]
    }


def test_policies_that_are_given(iam: Any) -> None:
    allow = document(statement("s3:GetObject", f"{BUCKET}/*"), indent=2)
    deny = document(statement("s3:*", f"{BUCKET}/private/*", "Deny"))
    objects = [f"{BUCKET}/a.jpg", f"{BUCKET}/private/b.jpg"]
    answer = iam.simulate_custom_policy(
        PolicyInputList=[allow, deny], ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=objects
    )
    assert decisions(answer) == {
        ("s3:GetObject", objects[0]): "allowed",
        ("s3:GetObject", objects[1]): "explicitDeny",
        ("s3:PutObject", objects[0]): "implicitDeny",
        ("s3:PutObject", objects[1]): "explicitDeny",
    }
    first = answer["EvaluationResults"][0]
    [matched] = first["MatchedStatements"]
    assert matched["SourcePolicyId"] == "PolicyInputList.1"
    # What lies between the positions is the statement.
    lines = allow.split("\n")
    start, end = matched["StartPosition"], matched["EndPosition"]
    text = "\n".join(lines[start["Line"] - 1 : end["Line"]])
    tail = len(lines[end["Line"] - 1]) - (end["Column"] - 1)
    assert json.loads(text[start["Column"] - 1 : len(text) - tail]) == statement("s3:GetObject", f"{BUCKET}/*")
    [specific] = first["ResourceSpecificResults"]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == (objects[0], "allowed")
    second = answer["EvaluationResults"][1]["MatchedStatements"]
    assert {found["SourcePolicyId"] for found in second} == {"PolicyInputList.1", "PolicyInputList.2"}
    everything = iam.simulate_custom_policy(PolicyInputList=[allow], ActionNames=["s3:GetObject"])
    assert decisions(everything) == {("s3:GetObject", "*"): "implicitDeny"}
    assert "ResourceSpecificResults" not in everything["EvaluationResults"][0]


def test_context_keys(iam: Any) -> None:
    condition = {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    policy = document(statement("s3:GetObject", "arn:aws:s3:::home/${aws:username}/*", **condition))
    params = {
        "PolicyInputList": [policy],
        "ActionNames": ["s3:GetObject"],
        "ResourceArns": ["arn:aws:s3:::home/ada/x"],
    }
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"]
    assert sorted(keys) == ["aws:SourceIp", "aws:username"]
    [result] = iam.simulate_custom_policy(**params)["EvaluationResults"]
    assert (result["EvalDecision"], sorted(result["MissingContextValues"])) == ("implicitDeny", sorted(keys))
    entries = [
        {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "ip", "ContextKeyValues": ["10.1.2.3"]},
        {"ContextKeyName": "aws:username", "ContextKeyType": "string", "ContextKeyValues": ["ada"]},
    ]
    [result] = iam.simulate_custom_policy(**params, ContextEntries=entries)["EvaluationResults"]
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])


def test_a_users_policies(iam: Any, cloud: Any, account: str) -> None:
    user = iam.create_user(UserName="ada")["User"]["Arn"]
    group = iam.create_group(GroupName="g")["Group"]["Arn"]
    iam.put_group_policy(GroupName="g", PolicyName="p", PolicyDocument=document(statement("sqs:SendMessage")))
    iam.attach_user_policy(UserName="ada", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    actions = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "dynamodb:GetItem"]

    def simulated(source: str = user, **more: Any) -> dict[str, str]:
        answer = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=actions, **more)
        return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}

    assert list(simulated().values()) == ["allowed", "implicitDeny", "implicitDeny", "implicitDeny"]
    iam.add_user_to_group(GroupName="g", UserName="ada")
    assert list(simulated().values()) == ["allowed", "implicitDeny", "allowed", "implicitDeny"]
    assert list(simulated(group).values()) == ["implicitDeny", "implicitDeny", "allowed", "implicitDeny"]
    more = document(statement("dynamodb:*"))
    assert simulated(PolicyInputList=[more])["dynamodb:GetItem"] == "allowed"
    iam.put_user_permissions_boundary(UserName="ada", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    answer = iam.simulate_principal_policy(PolicySourceArn=user, ActionNames=actions)["EvaluationResults"]
    assert [result["EvalDecision"] for result in answer] == ["implicitDeny", "implicitDeny", "allowed", "implicitDeny"]
    assert [result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"] for result in answer] == [
        False,
        False,
        True,
        False,
    ]
    other = document(statement("s3:*"))
    assert simulated(PermissionsBoundaryPolicyInputList=[other])["s3:GetObject"] == "allowed"
    [matched] = answer[2]["MatchedStatements"][:1]
    assert matched["SourcePolicyId"] == "group_g_p"
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=user)["ContextKeyNames"] == []
    gone = f"arn:aws:iam::{account}:user/bob"
    assert refused(iam.simulate_principal_policy, PolicySourceArn=gone, ActionNames=actions)[0] == "NoSuchEntity"
    assert refused(iam.simulate_principal_policy, PolicySourceArn=BUCKET + "/photos", ActionNames=actions)[0] == (
        "InvalidInput"
    )
    done = cloud.aws(
        *("iam", "simulate-principal-policy", "--policy-source-arn", user, "--action-names", "sqs:SendMessage"),
        *("--query", "EvaluationResults[].EvalDecision", "--output", "text"),
        account=account,
    )
    assert done.stdout.strip() == "allowed", done.stderr


def test_resource_policies(iam: Any, account: str) -> None:
    user = iam.create_user(UserName="ada")["User"]["Arn"]
    grant = document({**statement("s3:GetObject", f"{BUCKET}/*"), "Principal": {"AWS": user}})
    params = {"PolicySourceArn": user, "ActionNames": ["s3:GetObject"], "ResourceArns": [f"{BUCKET}/x"]}
    [result] = iam.simulate_principal_policy(**params, ResourcePolicy=grant)["EvaluationResults"]
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"][0]["SourcePolicyId"] == "ResourcePolicy"
    # Across accounts the user's own policies must allow it as well.
    stranger = "arn:aws:iam::999999999999:root"
    [result] = iam.simulate_principal_policy(**params, ResourcePolicy=grant, ResourceOwner=stranger)[
        "EvaluationResults"
    ]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    custom = {"PolicyInputList": [document(statement("sqs:*"))], "ActionNames": ["s3:GetObject"]}
    assert refused(iam.simulate_custom_policy, **custom, ResourcePolicy=grant)[0] == "InvalidInput"
    answer = iam.simulate_custom_policy(**custom, ResourcePolicy=grant, CallerArn=user, ResourceArns=[f"{BUCKET}/x"])
    assert answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def test_results_are_paged(iam: Any) -> None:
    params = {
        "PolicyInputList": [document(statement("s3:Get*"))],
        "ActionNames": ["s3:GetObject", "s3:PutObject", "s3:GetBucketAcl"],
        "ResourceArns": [f"{BUCKET}{number}" for number in range(3)],
    }

    def simulated(size: int) -> list[str]:
        pages = iam.get_paginator("simulate_custom_policy").paginate(**params, PaginationConfig={"PageSize": size})
        return [result["EvalDecision"] for page in pages for result in page["EvaluationResults"]]

    assert simulated(1) == simulated(2) == simulated(4) == simulated(1000)
    assert len(simulated(5)) == 9


def test_what_cannot_be_simulated(iam: Any) -> None:
    good = document(statement("s3:*"))
    assert refused(iam.simulate_custom_policy, PolicyInputList=[good], ActionNames=["s3:*"])[0] == "InvalidInput"
    assert refused(iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"])[0] == "InvalidInput"
    assert refused(iam.get_context_keys_for_custom_policy, PolicyInputList=["{"])[0] == "InvalidInput"


def test_markers_are_numbers(iam: Any) -> None:
    params = {"PolicyInputList": [document(statement("s3:*"))], "ActionNames": ["s3:GetObject"]}
    for marker in ("x", "AWFi"):
        assert refused(iam.simulate_custom_policy, **params, Marker=marker)[0] == "ValidationError"
