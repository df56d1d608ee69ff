"""What holds once the thumbnails appear."""

import io
import json
from typing import Any

from cumulet.labs.api import Cloud, Finding, check
from cumulet.labs.pictures import size

FUNCTION = "create-thumbnail"
LIMIT = 128


def _keys(cloud: Cloud, bucket: str) -> list[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


@check("There is a bucket for pictures and one for thumbnails")
def buckets(cloud: Cloud) -> Finding:
    """Both buckets exist."""
    there = {bucket["Name"] for bucket in cloud.client("s3").list_buckets()["Buckets"]}
    wanted = {cloud.name("photos"), f"{cloud.name('photos')}-resized"}
    missing = sorted(wanted - there)
    return Finding(
        not missing,
        f"buckets {sorted(there)}",
        f"buckets {sorted(wanted)}",
        "".join(f"aws s3 mb s3://{name}  " for name in missing),
    )


@check("The function takes a role that Lambda may assume")
def role(cloud: Cloud) -> Finding:
    """The function's role trusts Lambda and can read and write objects."""
    arn = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Role"]
    name = arn.rpartition("/")[2]
    iam = cloud.client("iam")
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    attached = [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]
    inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
    logs = "AWSLambdaBasicExecutionRole" in attached
    return Finding(
        "lambda.amazonaws.com" in trust and logs and bool(inline),
        f"trust {trust}, attached {attached}, inline {inline}",
        "lambda.amazonaws.com in the trust policy, AWSLambdaBasicExecutionRole attached, a policy for the buckets",
        "Step 1 makes the role, step 4 its policy for the buckets.",
    )


@check("The role may read pictures and write thumbnails, and nothing else")
def least_privilege(cloud: Cloud) -> Finding:
    """What the role's policies allow, asked of IAM."""
    arn = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Role"]
    photos = f"arn:aws:s3:::{cloud.name('photos')}"
    wanted = {
        ("s3:GetObject", f"{photos}/a.jpg"): True,
        ("s3:PutObject", f"{photos}-resized/thumbnail-a.jpg"): True,
        ("s3:PutObject", f"{photos}/a.jpg"): False,
        ("s3:DeleteObject", f"{photos}/a.jpg"): False,
        ("s3:GetObject", "arn:aws:s3:::somebody-elses/a.jpg"): False,
    }
    seen = {question: _allowed(cloud, arn, *question) for question in wanted}
    wrong = [
        f"{action} on {resource}: {seen[action, resource]}"
        for action, resource in wanted
        if seen[action, resource] != wanted[action, resource]
    ]
    return Finding(
        not wrong,
        "; ".join(
            f"{action} on {resource}: {'allowed' if may else 'denied'}" for (action, resource), may in seen.items()
        ),
        "s3:GetObject on the pictures and s3:PutObject on the thumbnails, nothing else",
        "Step 4: aws iam put-role-policy, with exactly these two statements.",
    )


def _allowed(cloud: Cloud, role_arn: str, action: str, resource: str) -> bool:
    answer = cloud.client("iam").simulate_principal_policy(
        PolicySourceArn=role_arn, ActionNames=[action], ResourceArns=[resource]
    )
    return bool(answer["EvaluationResults"][0]["EvalDecision"] == "allowed")


@check("The function is active")
def function(cloud: Cloud) -> Finding:
    """The function can be called."""
    about = cloud.client("lambda").get_function_configuration(FunctionName=FUNCTION)
    return Finding(
        about["State"] == "Active" and about["LastUpdateStatus"] == "Successful",
        f"state {about['State']}, last update {about['LastUpdateStatus']}",
        "state Active, last update Successful",
        "Step 2 makes the function.",
    )


@check("S3 may call the function for this bucket")
def permission(cloud: Cloud) -> Finding:
    """The function's policy names S3 and the bucket."""
    policy = json.loads(cloud.client("lambda").get_policy(FunctionName=FUNCTION)["Policy"])
    bucket = f"arn:aws:s3:::{cloud.name('photos')}"
    good = [statement for statement in policy["Statement"] if _permits(statement, bucket)]
    return Finding(
        bool(good),
        f"statements {json.dumps(policy['Statement'])}",
        f"one that allows s3.amazonaws.com lambda:InvokeFunction for {bucket}",
        "Step 3: aws lambda add-permission.",
    )


def _permits(statement: dict[str, Any], bucket: str) -> bool:
    source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
    return (
        statement["Effect"] == "Allow"
        and statement["Principal"] == {"Service": "s3.amazonaws.com"}
        and source in (bucket, None)
    )


@check("A new picture triggers the function")
def trigger(cloud: Cloud) -> Finding:
    """The bucket's notification configuration names the function."""
    found = cloud.client("s3").get_bucket_notification_configuration(Bucket=cloud.name("photos"))
    targets = found.get("LambdaFunctionConfigurations", [])
    good = [
        target
        for target in targets
        if target["LambdaFunctionArn"].endswith(f":function:{FUNCTION}")
        and any(event.startswith("s3:ObjectCreated:") for event in target["Events"])
    ]
    return Finding(
        bool(good),
        f"Lambda targets {[(target['LambdaFunctionArn'], target['Events']) for target in targets]}",
        f"{FUNCTION} for s3:ObjectCreated:*",
        "Step 3: aws s3api put-bucket-notification-configuration.",
    )


@check("Every picture has a thumbnail")
def thumbnails(cloud: Cloud) -> Finding:
    """There is a thumbnail for each key."""
    pictures = _keys(cloud, cloud.name("photos"))
    made = set(_keys(cloud, f"{cloud.name('photos')}-resized"))
    missing = [key for key in pictures if f"thumbnail-{key}" not in made]
    return Finding(
        bool(pictures) and not missing,
        f"{len(pictures)} pictures, thumbnails {sorted(made)}",
        f"a thumbnail for each of {pictures}" if pictures else "at least one picture",
        "Read the function's log, as step 4 shows.",
    )


@check("A picture whose name has a space, a plus or an umlaut works too")
def names(cloud: Cloud) -> Finding:
    """A difficult key came through the event and back."""
    made = _keys(cloud, f"{cloud.name('photos')}-resized")
    difficult = [key for key in made if not key.isascii() or " " in key or "+" in key]
    return Finding(
        bool(difficult),
        f"thumbnails {made}",
        "one whose name has a space, a + or a letter beyond ASCII",
        "Keys in events are URL-encoded: unquote_plus. Then upload such a picture (step 5).",
    )


@check(f"Thumbnails are JPEG pictures of at most {LIMIT} pixels")
def size_and_type(cloud: Cloud) -> Finding:
    """Each thumbnail is small and says what it is."""
    s3 = cloud.client("s3")
    bucket = f"{cloud.name('photos')}-resized"
    seen = []
    good = True
    for key in _keys(cloud, bucket)[:50]:
        answer = s3.get_object(Bucket=bucket, Key=key)
        width, height = size(io.BytesIO(answer["Body"].read()))
        seen.append(f"{key}: {width} x {height}, {answer['ContentType']}")
        good = good and 0 < max(width, height) <= LIMIT and answer["ContentType"] == "image/jpeg"
    return Finding(
        good and bool(seen),
        "; ".join(seen) or "no thumbnail",
        f"width and height from 1 to {LIMIT}, content type image/jpeg",
        "image.thumbnail((128, 128)) and ExtraArgs={'ContentType': 'image/jpeg'}",
    )


@check("The log tells what the function did and what it cost")
def log(cloud: Cloud) -> Finding:
    """CloudWatch Logs holds START, END and REPORT lines."""
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{FUNCTION}")["events"]
    lines = [event["message"] for event in events]
    reports = [line for line in lines if line.startswith("REPORT ")]
    good = [line for line in reports if "Billed Duration:" in line and "Max Memory Used:" in line]
    return Finding(
        bool(good) and any(line.startswith("START ") for line in lines),
        reports[-1].strip() if reports else f"{len(lines)} lines, no REPORT",
        "START and REPORT lines with Billed Duration and Max Memory Used",
        "Upload a picture, then read the log as step 5 shows.",
    )
