"""What the adversary's tests share: requests signed by hand over raw sockets, and a look at what a server holds."""

from __future__ import annotations

import http.client
import io
import os
import socket
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

TIMEOUT = 20.0


@dataclass
class Reply:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def request_id(self) -> str:
        """Whatever this protocol calls it."""
        return self.headers.get("x-amzn-requestid") or self.headers.get("x-amz-request-id") or ""


class _AsItIs(SigV4Auth):
    """SigV4 with the path as it is and the payload's digest where the headers give one."""

    def _normalize_url_path(self, path: str) -> str:
        return path

    def payload(self, request: Any) -> str:
        given = request.headers.get("X-Amz-Content-SHA256")
        return str(given) if given else str(super().payload(request))


@dataclass
class Sender:
    """Sends requests of one account to one server, each on a connection of its own."""

    endpoint: str
    account: str = "test"
    region: str = "us-east-1"
    connections: list[socket.socket] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.endpoint.removeprefix("http://")

    def headers(
        self,
        service: str,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        payload: str = "",
    ) -> dict[str, str]:
        """The headers of a signed request."""
        request = AWSRequest(method, self.endpoint + target, data=body, headers={"Host": self.host, **(headers or {})})
        if payload or service == "s3":
            request.headers["X-Amz-Content-SHA256"] = payload or "UNSIGNED-PAYLOAD"
        _AsItIs(Credentials(self.account, "test"), service, self.region).add_auth(request)
        return dict(request.headers.items())

    def send(
        self,
        service: str | None,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        payload: str = "",
    ) -> Reply:
        """Sign (None: not at all), send, and read the answer."""
        named = (
            {"Host": self.host, **(headers or {})}
            if service is None
            else self.headers(service, method, target, headers, body, payload=payload)
        )
        named.setdefault("Content-Length", str(len(body)))
        return self.exchange(head(method, target, named) + body)

    def exchange(self, data: bytes) -> Reply:
        """Send bytes as they are and read one answer."""
        with closing(self.connect()) as sock:
            # The server may have answered and closed before it has read everything.
            with suppress(OSError):
                sock.sendall(data)
            return read_reply(sock, data.partition(b" ")[0].decode("latin-1"))

    def begin(
        self,
        service: str,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        *,
        length: int | None = 0,
        payload: str = "",
    ) -> socket.socket:
        """Send a signed head that promises `length` bytes (None: chunks) and leave the rest to the caller."""
        named = self.headers(service, method, target, headers, payload=payload)
        named |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        sock = self.connect()
        sock.sendall(head(method, target, named))
        return sock

    def end(self, sock: socket.socket, method: str = "PUT") -> Reply:
        """Read the answer on a connection and close it."""
        with closing(sock):
            return read_reply(sock, method)

    def connect(self) -> socket.socket:
        """A raw connection; the fixture closes it at the latest."""
        host, _, port = self.host.rpartition(":")
        sock = socket.create_connection((host, int(port)), timeout=TIMEOUT)
        self.connections.append(sock)
        return sock


def head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The head of a request."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def read_reply(sock: socket.socket, method: str = "GET") -> Reply:
    """Read one answer with Python's own client."""
    answer = http.client.HTTPResponse(sock, method=method)
    answer.begin()
    return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


@pytest.fixture
def sender(cloud: Any, account: str) -> Iterator[Sender]:
    """A sender of a fresh account to the run's cloud."""
    made = Sender(cloud.endpoint, account)
    yield made
    for sock in made.connections:
        sock.close()


@pytest.fixture
def sender_to() -> Iterator[Callable[..., Sender]]:
    """`sender_to(cloud, account)` for a cloud of the test's own."""
    made: list[Sender] = []

    def make(cloud: Any, account: str = "test") -> Sender:
        made.append(Sender(cloud.endpoint, account))
        return made[-1]

    yield make
    for one in made:
        for sock in one.connections:
            sock.close()


class Look:
    """What a server and its machine hold: descriptors, processes, files."""

    @staticmethod
    def files(pid: int) -> list[str]:
        """What the process's descriptors are; sockets, pipes and the like all count."""
        found = []
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                found.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        return found

    @staticmethod
    def blobs(data: Path) -> list[Path]:
        """The files of the blob store."""
        return [path for path in (data / "blobs").rglob("*") if path.is_file()]

    @staticmethod
    def children(pid: int) -> set[int]:
        """The processes below a process, it not included."""
        below: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    below.setdefault(parent, []).append(int(entry.name))
        found: set[int] = set()
        queue = [pid]
        while queue:
            for child in below.get(queue.pop(), []):
                found.add(child)
                queue.append(child)
        return found

    @staticmethod
    def alive(pid: int) -> bool:
        """Whether the process runs (a zombie does not)."""
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False


@pytest.fixture
def look() -> Look:
    """Skips where there is no /proc."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc")
    return Look()


TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)


EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


def zipped(**modules: str) -> bytes:
    """A zip file of Python modules."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in modules.items():
            archive.writestr(f"{name}.py", text)
    return file.getvalue()


@pytest.fixture
def make_function() -> Callable[..., Any]:
    """`make_function(cloud, name, source, account=…)` creates an active function and returns the Lambda client."""

    def make(cloud: Any, name: str, source: str, account: str = "test", **more: Any) -> Any:
        iam = cloud.client("iam", account=account)
        client = cloud.client("lambda", account=account, config=Config(read_timeout=30))
        try:
            role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
            iam.put_role_policy(RoleName="worker", PolicyName="everything", PolicyDocument=EVERYTHING)
        except iam.exceptions.EntityAlreadyExistsException:
            role = iam.get_role(RoleName="worker")["Role"]["Arn"]
        code = {"ZipFile": zipped(app=source)}
        client.create_function(
            FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=role, Code=code, **more
        )
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0})
        return client

    return make
