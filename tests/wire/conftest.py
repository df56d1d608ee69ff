"""What the wire's tests share: random values made from shapes, and botocore as the client at the other end."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import botocore.awsrequest
import botocore.model
import botocore.parsers
import botocore.serialize
import orjson
import pytest

from cumulet.base.messages import BytesBody, Request, Response
from cumulet.wire import models
from cumulet.wire.claim import Claim, claim
from cumulet.wire.compile import Operation

TEXT = "aZ09 -_.~/:+%&<>\"'=?#ü€😀\n\t,;@{}[]"
PLAIN = "abcXYZ0189-_.~:+%&<>'=?#@"


class Samples:
    """Random values for shapes. `wide` makes collections and optional members likelier."""

    def __init__(self, seed: int | str, *, empties: bool, xml: bool, milliseconds: bool, most: int = 3) -> None:
        self.random = random.Random(seed)
        self.empties = empties
        self.xml = xml
        self.milliseconds = milliseconds
        self.most = most

    def value(self, shape: Any, depth: int = 0, location: str | None = None) -> Any:
        """A value that a client may give for `shape` at `location` (None is the body)."""
        kind = shape.type_name
        if getattr(shape, "is_document_type", False):
            return {"any": [1, "two", None, {"three": 3.5}]}
        if kind == "structure":
            return self.structure(shape, depth)
        if kind == "list":
            least = 0 if self.empties and location is None else 1
            return [self.value(shape.member, depth + 1, location) for _ in range(self.random.randint(least, self.most))]
        if kind == "map":
            least = 0 if self.empties and location is None else 1
            keys = [self._name(i, location) for i in range(self.random.randint(least, self.most))]
            return {key: self.value(shape.value, depth + 1, location) for key in keys}
        return self.scalar(shape, kind, location)

    def _name(self, i: int, location: str | None) -> str:
        if location is None:
            return f"k{i}" + self._text(TEXT, 4)
        return f"k{i}" + "".join(self.random.choice("abcxyz-0") for _ in range(3)) + "q"

    def structure(self, shape: Any, depth: int) -> dict[str, Any]:
        members = dict(shape.members)
        if shape.is_tagged_union:
            name = self.random.choice(sorted(members))
            members = {name: members[name]}
        chosen = {}
        chance = 0.7 if depth < 2 else 0.4 if depth < 5 else 0.0
        for name, member in members.items():
            location = member.serialization.get("location")
            needed = name in shape.required_members or location == "uri" or shape.is_tagged_union
            needed = needed or shape.serialization.get("payload") == name
            if (needed and depth < 12) or self.random.random() < chance:
                chosen[name] = self.value(member, depth + 1, location)
                if shape.serialization.get("payload") == name and chosen[name] == "":
                    chosen[name] = "{}"
        if not chosen and members and not self.empties:
            simple = [n for n, m in members.items() if m.type_name not in ("structure", "list", "map")]
            name = (simple or sorted(members))[0]
            chosen[name] = self.value(members[name], depth + 1, members[name].serialization.get("location"))
        return chosen

    def scalar(self, shape: Any, kind: str, location: str | None) -> Any:
        pick = self.random
        if kind in ("string", "character"):
            return self._string(shape, location)
        if kind == "integer":
            return pick.randint(200, 299) if location == "statusCode" else pick.randint(-(2**31), 2**31 - 1)
        if kind == "long":
            return pick.randint(-(2**63), 2**63 - 1)
        if kind in ("float", "double"):
            return round(pick.uniform(-1000, 1000), 3)
        if kind == "boolean":
            return pick.random() < 0.5
        if kind == "blob":
            return pick.randbytes(pick.randint(1, 12))
        if kind == "timestamp":
            moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=pick.randint(0, 10**8))
            form = shape.serialization.get("timestampFormat")
            fine = self.milliseconds and location is None and form != "rfc822"
            return moment + timedelta(milliseconds=pick.randint(0, 999)) if fine else moment
        raise AssertionError(kind)

    def _string(self, shape: Any, location: str | None) -> Any:
        if getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        if shape.serialization.get("jsonvalue"):
            return {"a": [1, 2]}
        if location in ("uri", "header", "headers", "statusCode", "querystring"):
            return "x" + self._text(PLAIN + ("ü /" if location in ("uri", "querystring") else ""), 8) + "y"
        return self._text(TEXT if self.xml else TEXT + "\r\x01", 12)

    def _text(self, alphabet: str, most: int) -> str:
        return "".join(self.random.choice(alphabet) for _ in range(self.random.randint(0, most)))


class Client:
    """botocore's serialiser and parser for one service and protocol, without its network and its handlers."""

    def __init__(self, service: str, protocol: str) -> None:
        raw = orjson.loads(models.read(service))
        self.model = botocore.model.ServiceModel(raw, service)
        self.service = service
        self.protocol = protocol
        self.serializer = botocore.serialize.create_serializer(protocol, False)
        self.parser = botocore.parsers.create_parser(protocol)

    def request(self, name: str, params: dict[str, Any]) -> Request:
        """The request that a client sends, its signature being only as true as a claim needs."""
        operation = self.model.operation_model(name)
        parts = self.serializer.serialize_to_request(params, operation)
        parts.setdefault("context", {})
        botocore.awsrequest.prepare_request_dict(parts, "http://127.0.0.1:4566", context=parts["context"])
        sent = botocore.awsrequest.create_request_object(parts).prepare()
        headers = {
            key.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for key, value in sent.headers.items()
        }
        headers["host"] = "127.0.0.1:4566"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{self.model.signing_name}/aws4_request, "
            "SignedHeaders=host, Signature=0"
        )
        body = sent.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        target = sent.url.removeprefix("http://127.0.0.1:4566") or "/"
        return Request(sent.method, target, headers, BytesBody(body))

    def result(self, name: str, response: Response) -> dict[str, Any]:
        """What a client makes of a response."""
        shape = self.model.operation_model(name).output_shape
        assert not isinstance(response.body, str)
        body = response.body if isinstance(response.body, bytes) else response.body.data  # type: ignore[attr-defined]
        whole = shape is not None and shape.serialization.get("payload")
        raw = shape is not None and bool(whole) and shape.members[str(whole)].type_name == "blob"
        parsed = self.parser.parse(
            {
                "status_code": response.status,
                "headers": botocore.awsrequest.HeadersDict(response.headers),
                "body": bytearray(body) if raw else body,
            },
            shape,  # type: ignore[arg-type]
        )
        parsed = dict(parsed)
        parsed.pop("ResponseMetadata", None)
        return parsed

    def error(self, name: str, response: Response) -> dict[str, Any]:
        """What a client makes of an error response."""
        body = response.body
        assert isinstance(body, bytes)
        message = {
            "status_code": response.status,
            "headers": botocore.awsrequest.HeadersDict(response.headers),
            "body": body,
        }
        shape = self.model.operation_model(name).output_shape
        parsed: dict[str, Any] = self.parser.parse(message, shape)  # type: ignore[arg-type]
        return parsed


@lru_cache(4)
def client(service: str, protocol: str) -> Client:
    """A client, kept for the next test."""
    return Client(service, protocol)


def parsed(operation: Operation, request: Request, found: Claim) -> dict[str, Any]:
    """What the wire makes of a request, its stream read."""
    body = request.body.data if isinstance(request.body, BytesBody) else b""
    params = operation.parse(request, found, body)
    if operation.input_stream in params:
        params[operation.input_stream] = params[operation.input_stream].data
    return params


class Wire:
    """The helpers above, for test modules that cannot import this one."""

    Samples = Samples
    client = staticmethod(client)
    parsed = staticmethod(parsed)
    claim = staticmethod(claim)

    @staticmethod
    def request(
        method: str = "GET", target: str = "/", headers: dict[str, str] | None = None, body: bytes = b""
    ) -> Request:
        """A request with a host that says nothing."""
        return Request(method, target, {"host": "127.0.0.1:4566"} | (headers or {}), BytesBody(body))

    @staticmethod
    def signed(service: str, region: str = "us-east-1") -> dict[str, str]:
        """Headers with a credential scope."""
        credential = f"Credential=test/20260101/{region}/{service}/aws4_request"
        return {"authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}


@pytest.fixture(scope="session")
def wire() -> type[Wire]:
    return Wire
