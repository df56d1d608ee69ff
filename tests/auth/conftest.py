"""Requests signed by botocore, and a small store to look keys up in."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from cumulet.auth import credentials
from cumulet.auth.authenticate import Authentication, authenticate
from cumulet.base.context import root
from cumulet.base.errors import AwsError
from cumulet.base.messages import Body, BytesBody, Request

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
ACCOUNT = "111122223333"


class Shelf:
    """Enough of a transaction for records of access keys; `reads` counts decodings."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.decoded: dict[bytes, Any] = {}

    def put(self, key: bytes, value: bytes) -> None:
        self.rows[key] = value
        self.decoded.pop(key, None)

    def delete(self, key: bytes) -> None:
        self.rows.pop(key, None)
        self.decoded.pop(key, None)

    def cached(self, key: bytes, decode: Callable[[bytes], Any]) -> Any:
        if key not in self.rows:
            return None
        if key not in self.decoded:
            self.decoded[key] = decode(self.rows[key])
        return self.decoded[key]


def to_request(prepared: Any, body: bytes | Body = b"") -> Request:
    """What the gateway makes of a request that botocore prepared."""
    url = urlsplit(prepared.url)
    headers = {
        name.lower(): value.decode("latin-1") if isinstance(value, bytes) else value
        for name, value in prepared.headers.items()
    }
    headers.setdefault("host", url.netloc)
    target = (url.path or "/") + ("?" + url.query if url.query else "")
    return Request(prepared.method, target, headers, BytesBody(body) if isinstance(body, bytes) else body)


class Bench:
    """Signs with botocore at a time of our choosing, and asks `authenticate` what it thinks."""

    key = KEY
    secret = SECRET
    account = ACCOUNT

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shelf = Shelf()
        self.now = 1_767_225_600.0  # 2026-01-01T00:00:00Z
        key = credentials.AccessKey(KEY, SECRET, root(ACCOUNT, KEY))
        credentials.store(self.shelf, key)  # type: ignore[arg-type]
        monkeypatch.setattr(
            botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: self._clock(remove_tzinfo), raising=False
        )

    def _clock(self, naive: bool) -> datetime.datetime:
        moment = datetime.datetime.fromtimestamp(self.now, datetime.UTC)
        return moment.replace(tzinfo=None) if naive else moment

    def sign(
        self,
        method: str = "GET",
        url: str = "http://127.0.0.1:4566/",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        service: str = "dynamodb",
        key: str = KEY,
        secret: str = SECRET,
        token: str | None = None,
        expires: int | None = None,
        region: str = "us-east-1",
        content: str | None = None,
    ) -> Request:
        """A request signed by botocore: for S3 with its signers, by query when `expires` is given."""
        who = botocore.credentials.Credentials(key, secret, token)
        raw = botocore.awsrequest.AWSRequest(method, url, data=body, headers=headers or {})
        auth = botocore.auth
        if expires is not None:
            kind: Any = auth.S3SigV4QueryAuth if service == "s3" else auth.SigV4QueryAuth
            kind(who, service, region, expires=expires).add_auth(raw)
        else:
            kind = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
            if content is not None:
                kind = type("Signer", (kind,), {"payload": lambda self, request: content})
            kind(who, service, region).add_auth(raw)
        return to_request(raw.prepare(), body)

    def ask(self, request: Request, service: str = "dynamodb", protocol: str = "json", **more: Any) -> Authentication:
        """What the kernel would be told."""
        if service == "s3":
            protocol = "rest-xml"
        return authenticate(self.shelf, request, service=service, protocol=protocol, now=self.now, **more)  # type: ignore[arg-type]

    def refusal(self, request: Request, service: str = "dynamodb", protocol: str = "json", **more: Any) -> AwsError:
        """The error that the kernel would be given; fails where the request is accepted."""
        with pytest.raises(AwsError) as caught:
            self.ask(request, service, protocol, **more)
        return caught.value


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)
