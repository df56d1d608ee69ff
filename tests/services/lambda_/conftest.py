"""What Lambda's tests share: roles, zip files, functions in the run's cloud; and a cloud inside the test with scripted workers."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cumulet.auth import credentials
from cumulet.base.clock import ManualClock
from cumulet.base.context import Principal, root
from cumulet.base.errors import AwsError
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Service, operation
from cumulet.run.functions import Outcome
from cumulet.services import lambda_
from cumulet.store import memory

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
ECHO = "def handler(event, context):\n    return event\n"
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"


def make_zip(source: str = ECHO, name: str = "app.py", **more: str) -> bytes:
    """A zip file with one module, and others by keyword (`helper="…"` is helper.py)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, source)
        for module, text in more.items():
            archive.writestr(f"{module}.py", text)
    return file.getvalue()


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    """`zipped(source)` is a zip file with app.py."""
    return make_zip


_session = boto3.session.Session()


def client(cloud: Any, service: str, account: str, region: str = "us-east-1", config: Config | None = None) -> Any:
    """As `cloud.client`, from one session: it reads a service's model once for the whole run."""
    once = Config(retries={"max_attempts": 1, "mode": "standard"})
    return _session.client(  # type: ignore[call-overload]
        service,
        endpoint_url=cloud.endpoint,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=once.merge(config) if config else once,
    )


class Lambda:
    """A user of Lambda in one account: a client, a role that Lambda may assume, and short words for what tests do all the time."""

    def __init__(self, cloud: Any, account: str, region: str = "us-east-1") -> None:
        self.cloud = cloud
        self.account = account
        self.region = region
        self.client = self.of("lambda")
        iam = self.of("iam")
        try:
            made = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
            self.role = made["Role"]["Arn"]
            iam.attach_role_policy(RoleName="worker", PolicyArn=EXECUTION)
        except iam.exceptions.EntityAlreadyExistsException:
            self.role = iam.get_role(RoleName="worker")["Role"]["Arn"]

    def of(self, service: str, account: str = "", region: str = "", config: Config | None = None) -> Any:
        """A client of a service, of this account and region where no other is said."""
        return client(self.cloud, service, account or self.account, region or self.region, config)

    def create(self, name: str = "f", source: str = ECHO, **more: Any) -> dict[str, Any]:
        """Create a Python function and wait until it is Active."""
        request = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Handler": "app.handler",
            "Role": self.role,
            "Code": {"ZipFile": make_zip(source)},
            **more,
        }
        made: dict[str, Any] = self.client.create_function(**{k: v for k, v in request.items() if v is not None})
        self.client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
        return made

    def call(self, event: Any = None, name: str = "f", **more: Any) -> Any:
        """Invoke and decode the answer."""
        answer = self.client.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **more)
        return json.loads(answer["Payload"].read())

    def messages(self, name: str = "f") -> list[str]:
        """The function's log so far."""
        logs = self.of("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []


@pytest.fixture
def fn(cloud: Any, account: str) -> Lambda:
    """A user of Lambda in a fresh account of the run's cloud."""
    return Lambda(cloud, account)


@pytest.fixture
def user() -> Callable[..., Lambda]:
    """`user(cloud, account, region)`: a user of Lambda elsewhere."""
    return Lambda


class Workers:
    """Scripted workers: answers are taken from `script` (outcomes or errors to raise), then everything is echoed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.script: list[Outcome | Exception] = []
        self.calls: list[tuple[Any, bytes, str]] = []
        self.discarded: list[str] = []
        self.credentials: list[dict[str, str]] = []
        self.ask_credentials = False

    async def invoke(
        self, spec: Any, payload: bytes, *, request_id: str, credentials: Callable[[], dict[str, str]], **_: Any
    ) -> Outcome:
        self.calls.append((spec, payload, request_id))
        if self.ask_credentials:
            self.credentials.append(credentials())
        step = self.script.pop(0) if self.script else Outcome(payload, None, b"", 1.0, 1, 30, None)
        if isinstance(step, Exception):
            raise step
        return step

    async def prepare(self, runtime: str) -> None:
        pass

    async def discard(self, prefix: str) -> None:
        self.discarded.append(prefix)

    async def close(self) -> None:
        pass


class House:
    """A cloud inside the test: Lambda on scripted workers, an STS that trusts every role but `stranger`, and logs that are kept."""

    def __init__(self, kernel: Kernel, clock: ManualClock, workers: Workers, logs: list[Any]) -> None:
        self.kernel = kernel
        self.clock = clock
        self.workers = workers
        self.logs = logs
        self.fail_logs = 0

    def context(self, principal: Principal | None = None) -> Context:
        who = principal or root(ACCOUNT)
        return Context(self.kernel, "lambda", who, ACCOUNT, "us-east-1", "00000000-0000-4000-a000-000000000000")

    async def call(self, operation_name: str, *, by: Principal | None = None, **params: Any) -> Any:
        return await self.context().acall("lambda", operation_name, params, principal=by)

    async def create(self, name: str = "f", *, idle: bool = True, **more: Any) -> None:
        request = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Handler": "app.handler",
            "Role": ROLE,
            "Code": {"ZipFile": make_zip()},
            **more,
        }
        await self.call("CreateFunction", **request)
        if idle:
            await self.idle()

    async def idle(self) -> None:
        """Wait until every event is delivered."""
        await self.until(lambda: self.kernel.outbox.idle)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)


def _module(**members: Any) -> ModuleType:
    made = ModuleType("made_up")
    for name, value in members.items():
        value.__module__ = "made_up"
        setattr(made, name, value)
    return made


def _sts() -> Service:
    def issue_service_credentials(ctx: Context, req: Any) -> Any:
        if req["RoleArn"].endswith("/stranger"):
            raise AwsError("AccessDenied", "no", 403)
        key = credentials.temporary(root(ctx.account), ctx.now, req["DurationSeconds"])
        credentials.store(ctx.tx, key)
        return {
            "AccessKeyId": key.id,
            "SecretAccessKey": key.secret,
            "SessionToken": key.token,
            "Expiration": key.expires,
        }

    return Service("sts", _module(issue=operation(internal=True)(issue_service_credentials)))


def _logs(house: list[House], kept: list[Any]) -> Service:
    async def deliver_events(ctx: Context, req: Any) -> Any:
        if house[0].fail_logs:
            house[0].fail_logs -= 1
            raise AwsError("ServiceUnavailable", "later", 503)
        kept.append((ctx.account, req["logGroupName"], req["logStreamName"], [e["message"] for e in req["logEvents"]]))
        return {}

    return Service("logs", _module(deliver=operation(internal=True)(deliver_events)))


@asynccontextmanager
async def opened(directory: Path, *, delays: tuple[float, ...] = (0.005, 0.01)) -> AsyncIterator[House]:
    """A started cloud."""
    kv, blobs = memory.open()
    clock = ManualClock()
    workers = Workers(directory)
    settings = Settings(ephemeral=True, rehearse=True, lambda_retry_delays=delays)
    machine = Machine(settings, kv, blobs, lambda _: workers, clock)  # type: ignore[arg-type,return-value]
    logs: list[Any] = []
    box: list[House] = []
    table = {"lambda": lambda_.service, "sts": _sts(), "logs": _logs(box, logs)}
    kernel = Kernel(machine, Registry(table, table.__getitem__))
    box.append(House(kernel, clock, workers, logs))
    await kernel.start()
    try:
        yield box[0]
    finally:
        await kernel.close(grace=1.0)


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Any]:
    """`async with house() as h`: a cloud inside the test."""
    return lambda **options: opened(tmp_path, **options)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end."""
    return asyncio.run
