"""Notifications: from the change of an object to the call of a function, with a stand-in for Lambda."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from cumulet.base.context import root
from cumulet.base.errors import AwsError
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Service, operation
from cumulet.services.s3 import service as s3_service
from cumulet.store import memory

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

ACCOUNT = "123456789012"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"


class FakeLambda:
    """Two operations: `denied` lets nobody in, `absent` is not there, the rest takes events."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any], Any]] = []
        self.failures = 0
        module = ModuleType("fake")

        def authorize_invoke(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
            if req["FunctionName"].endswith(":absent"):
                raise AwsError("ResourceNotFoundException", "Function not found", 404)
            if req["FunctionName"].endswith(":denied"):
                raise AwsError("AccessDeniedException", "no", 403)
            return {}

        async def enqueue_invocation(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
            if self.failures:
                self.failures -= 1
                raise RuntimeError("not yet")
            self.calls.append((req["FunctionName"], json.loads(req["Payload"]), ctx.principal))
            return {}

        for fn in (authorize_invoke, enqueue_invocation):
            fn.__module__ = "fake"
            setattr(module, fn.__name__, operation(internal=True)(fn))
        self.service = Service("lambda", module)


Run = Callable[[Callable[[Context, FakeLambda], Coroutine[Any, Any, None]]], None]


@pytest.fixture
def run() -> Run:
    """Run a scenario as the root of an account, on a kernel of its own."""

    def go(scenario: Callable[[Context, FakeLambda], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            fake = FakeLambda()
            services = {"s3": s3_service, "lambda": fake.service}
            kv, blobs = memory.open()

            def no_functions(machine: Machine) -> Any:
                raise AssertionError("nobody runs functions here")

            machine = Machine(Settings(ephemeral=True, rehearse=True), kv, blobs, no_functions)
            kernel = Kernel(machine, Registry(services, lambda name: services[name]))
            await kernel.start()
            try:
                await scenario(Context(kernel, "s3", root(ACCOUNT), ACCOUNT, "us-east-1", "0123456789ABCDEF"), fake)
            finally:
                await kernel.close(1.0)

        asyncio.run(main())

    return go


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came true")


def config(*functions: str, **more: Any) -> dict[str, Any]:
    entries = [
        {"Id": name, "LambdaFunctionArn": ARN + name, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], **more}
        for name in functions
    ]
    return {"Bucket": "photos", "NotificationConfiguration": {"LambdaFunctionConfigurations": entries}}


IN_JPG = {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]}}}


def test_every_change_reaches_the_function(run: Run) -> None:
    async def scenario(ctx: Context, fake: FakeLambda) -> None:
        await ctx.acall("s3", "CreateBucket", {"Bucket": "photos"})
        await ctx.acall("s3", "PutBucketNotificationConfiguration", config("f", **IN_JPG))
        put = {"Bucket": "photos", "Body": b"hello"}
        await ctx.acall("s3", "PutObject", {**put, "Key": "in/ü +.jpg"})
        await ctx.acall("s3", "PutObject", {**put, "Key": "in/no.png"})
        await ctx.acall("s3", "PutObject", {**put, "Key": "out/no.jpg"})
        await ctx.acall("s3", "CopyObject", {"Bucket": "photos", "Key": "in/b.jpg", "CopySource": "photos/in/no.png"})
        upload = {"Bucket": "photos", "Key": "in/c.jpg"}
        upload["UploadId"] = (await ctx.acall("s3", "CreateMultipartUpload", upload))["UploadId"]
        part = await ctx.acall("s3", "UploadPart", {**upload, "PartNumber": 1, "Body": b"12"})
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await ctx.acall("s3", "CompleteMultipartUpload", {**upload, "MultipartUpload": parts})
        await ctx.acall("s3", "DeleteObject", {"Bucket": "photos", "Key": "in/b.jpg"})
        await ctx.acall("s3", "DeleteObject", {"Bucket": "photos", "Key": "in/b.jpg"})
        many = {"Objects": [{"Key": "in/c.jpg"}, {"Key": "in/ghost.jpg"}]}
        await ctx.acall("s3", "DeleteObjects", {"Bucket": "photos", "Delete": many})
        await until(lambda: len(fake.calls) >= 5)
        records = sorted(
            (call[1]["Records"][0] for call in fake.calls), key=lambda one: str(one["s3"]["object"]["sequencer"])
        )
        assert [(one["eventName"], one["s3"]["object"]["key"]) for one in records] == [
            ("ObjectCreated:Put", "in/%C3%BC+%2B.jpg"),
            ("ObjectCreated:Copy", "in/b.jpg"),
            ("ObjectCreated:CompleteMultipartUpload", "in/c.jpg"),
            ("ObjectRemoved:Delete", "in/b.jpg"),
            ("ObjectRemoved:Delete", "in/c.jpg"),
        ]
        first = records[0]
        sequencer = first["s3"]["object"].pop("sequencer")
        assert int(sequencer, 16) > 0
        assert first.pop("eventTime").endswith("Z")
        assert len(first["responseElements"].pop("x-amz-id-2")) > 20
        owner = first["s3"]["bucket"].pop("ownerIdentity")["principalId"]
        assert owner.isalnum()
        assert first == {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
            "requestParameters": {"sourceIPAddress": "127.0.0.1"},
            "responseElements": {"x-amz-request-id": "0123456789ABCDEF"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "f",
                "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
                "object": {"key": "in/%C3%BC+%2B.jpg", "size": 5, "eTag": "5d41402abc4b2a76b9719d911017c592"},
            },
        }
        assert "size" not in records[3]["s3"]["object"]
        name, _, principal = fake.calls[0]
        assert name == ARN + "f"
        assert (principal.name, principal.source_arn) == ("s3.amazonaws.com", "arn:aws:s3:::photos")

    run(scenario)


def test_a_failed_write_tells_nobody(run: Run) -> None:
    async def scenario(ctx: Context, fake: FakeLambda) -> None:
        await ctx.acall("s3", "CreateBucket", {"Bucket": "photos"})
        await ctx.acall("s3", "PutBucketNotificationConfiguration", config("f"))
        await ctx.acall("s3", "PutObject", {"Bucket": "photos", "Key": "k", "Body": b"1"})
        with pytest.raises(AwsError, match="PreconditionFailed"):
            await ctx.acall("s3", "PutObject", {"Bucket": "photos", "Key": "k", "Body": b"2", "IfNoneMatch": "*"})
        await ctx.acall("s3", "PutObject", {"Bucket": "photos", "Key": "end", "Body": b"1"})
        await until(lambda: len(fake.calls) == 2)
        assert {call[1]["Records"][0]["s3"]["object"]["key"] for call in fake.calls} == {"k", "end"}

    run(scenario)


def test_a_delivery_that_fails_is_tried_again(run: Run) -> None:
    async def scenario(ctx: Context, fake: FakeLambda) -> None:
        await ctx.acall("s3", "CreateBucket", {"Bucket": "photos"})
        await ctx.acall("s3", "PutBucketNotificationConfiguration", config("f"))
        fake.failures = 1
        await ctx.acall("s3", "PutObject", {"Bucket": "photos", "Key": "k", "Body": b"1"})
        await until(lambda: len(fake.calls) == 1)

    run(scenario)


def test_destinations_are_validated(run: Run) -> None:
    async def scenario(ctx: Context, fake: FakeLambda) -> None:
        await ctx.acall("s3", "CreateBucket", {"Bucket": "photos"})
        for name, words in (
            ("absent", "The destination Lambda does not exist"),
            ("denied", "Not authorized to invoke function"),
        ):
            with pytest.raises(AwsError) as caught:
                await ctx.acall("s3", "PutBucketNotificationConfiguration", config(name))
            error = caught.value
            assert (error.code, error.status) == ("InvalidArgument", 400)
            assert error.message == "Unable to validate the following destination configurations"
            assert error.members["ArgumentName"] == ARN + name
            assert words in error.members["ArgumentValue"]
            assert await ctx.acall("s3", "GetBucketNotificationConfiguration", {"Bucket": "photos"}) == {}
        await ctx.acall(
            "s3", "PutBucketNotificationConfiguration", {**config("absent"), "SkipDestinationValidation": True}
        )
        found = await ctx.acall("s3", "GetBucketNotificationConfiguration", {"Bucket": "photos"})
        assert [one["Id"] for one in found["LambdaFunctionConfigurations"]] == ["absent"]
        await ctx.acall(
            "s3", "PutBucketNotificationConfiguration", {"Bucket": "photos", "NotificationConfiguration": {}}
        )
        assert await ctx.acall("s3", "GetBucketNotificationConfiguration", {"Bucket": "photos"}) == {}

    run(scenario)


def test_over_the_wire(s3: S3Client, bucket: str, account: str) -> None:
    entry: Any = {
        "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:{account}:function:none",
        "Events": ["s3:ObjectCreated:Put"],
        **IN_JPG,
    }
    wanted: Any = {"LambdaFunctionConfigurations": [entry]}
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
    error: Any = caught.value.response["Error"]
    assert error["Code"] == "InvalidArgument"
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert error["ArgumentName"] == entry["LambdaFunctionArn"]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=wanted, SkipDestinationValidation=True
    )
    got: Any = s3.get_bucket_notification_configuration(Bucket=bucket)
    (stored,) = got["LambdaFunctionConfigurations"]
    assert stored["Filter"]["Key"]["FilterRules"][1] == {"Name": "Suffix", "Value": ".jpg"}
