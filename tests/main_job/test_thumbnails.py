"""The main job, as a user does it: buckets, a role, a function with Pillow in a layer, a trigger, real pictures, the log.

The labs verify the same by boto3; here the AWS CLI does the work, and what AWS promises in detail is looked at.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import PIL
import pytest
from PIL import Image

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
PICTURES = Path(__file__).parents[2] / "src" / "cumulet" / "labs" / "06-thumbnails" / "pictures"
SOURCE = """
import json
import os
import uuid
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")

def resize_image(source, target):
    with Image.open(source) as image:
        image.thumbnail((128, 128))
        image.convert("RGB").save(target, "JPEG")

def handler(event, context):
    print("event", json.dumps(event))
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = unquote_plus(record["s3"]["object"]["key"])
        download = f"/tmp/{uuid.uuid4()}{os.path.basename(key)}"
        upload = f"/tmp/resized-{uuid.uuid4()}"
        s3.download_file(bucket, key, download)
        resize_image(download, upload)
        s3.upload_file(upload, f"{bucket}-resized", f"thumbnail-{key}", ExtraArgs={"ContentType": "image/jpeg"})
"""
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class Job:
    """One account with everything in place."""

    def __init__(self, cloud: Any, account: str, folder: Path) -> None:
        self.cloud = cloud
        self.account = account
        self.folder = folder
        self.bucket = f"photos-{account}"
        self.arn = f"arn:aws:lambda:us-east-1:{account}:function:thumb"

    def aws(self, *arguments: str) -> str:
        done = self.cloud.aws(*arguments, account=self.account)
        assert done.returncode == 0, done.stderr
        output: str = done.stdout
        return output

    def client(self, service: str) -> Any:
        return self.cloud.client(service, account=self.account)

    def prepare(self) -> None:
        self.aws("s3", "mb", f"s3://{self.bucket}")
        self.aws("s3", "mb", f"s3://{self.bucket}-resized")
        self.aws("iam", "create-role", "--role-name", "thumb", "--assume-role-policy-document", TRUST)
        execution = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        self.aws("iam", "attach-role-policy", "--role-name", "thumb", "--policy-arn", execution)
        bucket = f"arn:aws:s3:::{self.bucket}"
        statements = [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{bucket}/*"},
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"{bucket}-resized/*"},
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.aws(
            "iam", "put-role-policy", "--role-name", "thumb", "--policy-name", "buckets", "--policy-document", policy
        )
        with zipfile.ZipFile(self.folder / "function.zip", "w") as archive:
            archive.writestr("app.py", SOURCE)
        layer = self.folder / "layer.zip"
        with zipfile.ZipFile(layer, "w") as archive:
            home = Path(PIL.__file__).parent
            for root in (home, home.parent / "pillow.libs"):
                for file in root.rglob("*"):
                    if file.is_file() and "__pycache__" not in file.parts:
                        archive.write(file, Path("python") / file.relative_to(home.parent))
        published = json.loads(
            self.aws("lambda", "publish-layer-version", "--layer-name", "pillow", "--zip-file", f"fileb://{layer}")
        )
        create = [
            "lambda",
            "create-function",
            "--function-name",
            "thumb",
            "--runtime",
            RUNTIME,
            "--handler",
            "app.handler",
        ]
        create += ["--role", f"arn:aws:iam::{self.account}:role/thumb", "--timeout", "30", "--memory-size", "256"]
        create += ["--layers", published["LayerVersionArn"], "--zip-file", f"fileb://{self.folder / 'function.zip'}"]
        self.aws(*create)
        self.aws("lambda", "wait", "function-active-v2", "--function-name", "thumb")

    def permit(self) -> None:
        self.aws(
            *["lambda", "add-permission", "--function-name", "thumb", "--statement-id", "s3", "--principal"],
            *["s3.amazonaws.com", "--action", "lambda:InvokeFunction"],
            *["--source-arn", f"arn:aws:s3:::{self.bucket}", "--source-account", self.account],
        )

    @property
    def configuration(self) -> dict[str, Any]:
        target = {"Id": "thumbs", "LambdaFunctionArn": self.arn, "Events": ["s3:ObjectCreated:*"]}
        return {"LambdaFunctionConfigurations": [target]}

    def trigger(self) -> None:
        configuration = json.dumps(self.configuration)
        self.aws(
            *["s3api", "put-bucket-notification-configuration", "--bucket", self.bucket],
            *["--notification-configuration", configuration],
        )

    def thumbnails(self) -> set[str]:
        listed = self.client("s3").list_objects_v2(Bucket=f"{self.bucket}-resized")
        return {item["Key"] for item in listed.get("Contents", [])}

    def log(self) -> list[str]:
        logs = self.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/thumb")["logGroups"]:
            return []
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/thumb")
        return [event["message"] for page in pages for event in page["events"]]


@pytest.fixture(scope="module")
def job(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    made = Job(cloud, str(700_000_000_000 + int(time.time()) % 10**9), tmp_path_factory.mktemp("job"))
    made.prepare()
    yield made


def test_without_the_permission_s3_refuses_the_trigger(job: Job) -> None:
    s3 = job.client("s3")
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.put_bucket_notification_configuration(Bucket=job.bucket, NotificationConfiguration=job.configuration)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidArgument"
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket=job.bucket)


def test_pictures_become_thumbnails(job: Job, eventually: Callable[..., Any]) -> None:
    job.permit()
    job.trigger()
    # A Lambda target gets no test event: nothing has been invoked yet.
    assert job.log() == []
    keys = ["rocket.jpg", "cats/Chelsea the cat.png", "a+b (1).jpg", "Grüße/ü&=?.jpg", "日本.jpg"]
    for key in keys:
        file = PICTURES / ("chelsea.png" if key.endswith("png") else "rocket.jpg")
        job.aws("s3", "cp", str(file), f"s3://{job.bucket}/{key}")
    eventually(lambda: len(job.thumbnails()) == len(keys), what="the thumbnails")
    assert job.thumbnails() == {f"thumbnail-{key}" for key in keys}
    s3 = job.client("s3")
    for key in keys:
        answer = s3.get_object(Bucket=f"{job.bucket}-resized", Key=f"thumbnail-{key}")
        image = Image.open(io.BytesIO(answer["Body"].read()))
        assert answer["ContentType"] == "image/jpeg"
        assert image.format == "JPEG"
        assert max(image.size) == 128


def test_events_arrive_as_aws_writes_them(job: Job, eventually: Callable[..., Any]) -> None:
    key = "sp ace+plus/ü.jpg"
    job.client("s3").upload_file(str(PICTURES / "rocket.jpg"), job.bucket, key)
    eventually(lambda: f"thumbnail-{key}" in job.thumbnails(), what="the thumbnail")
    head = job.client("s3").head_object(Bucket=job.bucket, Key=key)
    lines = [line for line in job.log() if line.startswith("event ") and "sp+ace" in line]
    (record,) = json.loads(lines[-1][6:])["Records"]
    assert record["s3"]["object"]["key"] == "sp+ace%2Bplus/%C3%BC.jpg"
    assert unquote_plus(record["s3"]["object"]["key"]) == key
    assert record["s3"]["object"]["size"] == head["ContentLength"]
    assert record["s3"]["object"]["eTag"] == head["ETag"].strip('"')
    assert record["s3"]["bucket"] == {
        "name": job.bucket,
        "ownerIdentity": record["s3"]["bucket"]["ownerIdentity"],
        "arn": f"arn:aws:s3:::{job.bucket}",
    }
    assert record["s3"]["configurationId"] == "thumbs"
    assert record["eventVersion"] in ("2.1", "2.2", "2.3")
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert re.fullmatch(r"[0-9A-F]+", record["s3"]["object"]["sequencer"])


def test_the_log_holds_what_lambda_writes(job: Job) -> None:
    lines = job.log()
    assert any(line.startswith(f"INIT_START Runtime Version: python:{sys.version_info.major}") for line in lines)
    starts = [line for line in lines if line.startswith("START RequestId: ")]
    ends = [line for line in lines if line.startswith("END RequestId: ")]
    reports = [line for line in lines if line.startswith("REPORT RequestId: ")]
    assert len(starts) == len(ends) == len(reports) > 0
    pattern = r"REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 256 MB\tMax Memory Used: \d+ MB\t"
    assert all(re.match(pattern, line) for line in reports)
    assert any("Init Duration: " in line for line in reports)
    tailed = job.cloud.aws2("logs", "tail", "/aws/lambda/thumb", account=job.account)
    assert "REPORT RequestId" in tailed.stdout, tailed.stderr


def test_what_get_answers_can_be_put_back(job: Job) -> None:
    s3 = job.client("s3")
    filters = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    target = {**job.configuration["LambdaFunctionConfigurations"][0], "Filter": {"Key": {"FilterRules": filters}}}
    s3.put_bucket_notification_configuration(
        Bucket=job.bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [target]}
    )
    for _ in range(2):
        found = s3.get_bucket_notification_configuration(Bucket=job.bucket)
        found.pop("ResponseMetadata")
        rules = found["LambdaFunctionConfigurations"][0]["Filter"]["Key"]["FilterRules"]
        assert [(rule["Name"].lower(), rule["Value"]) for rule in rules] == [("prefix", "in/"), ("suffix", ".jpg")]
        s3.put_bucket_notification_configuration(Bucket=job.bucket, NotificationConfiguration=found)


def test_a_role_that_lambda_may_not_assume_is_refused(job: Job) -> None:
    iam, functions = job.client("iam"), job.client("lambda")
    trust = TRUST.replace("lambda.amazonaws.com", "ec2.amazonaws.com")
    role = iam.create_role(RoleName="for-ec2", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for arn in (role, f"arn:aws:iam::{job.account}:role/nobody"):
        with pytest.raises(functions.exceptions.InvalidParameterValueException) as caught:
            functions.create_function(
                FunctionName="refused",
                Runtime=RUNTIME,
                Handler="app.handler",
                Role=arn,
                Code={"ZipFile": (job.folder / "function.zip").read_bytes()},
            )
        message = "The role defined for the function cannot be assumed by Lambda."
        assert caught.value.response["Error"]["Message"] == message
