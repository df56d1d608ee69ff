"""Which Hosts and which Origins are served."""

from __future__ import annotations

import pytest

from cumulet.auth.browser import admin_origin_allowed, host_allowed, origin_allowed

NAMES = frozenset(("cloud.test", "*.corp.test"))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "localhost",
        "LOCALHOST:4566",
        "localhost.:4566",
        "127.0.0.1",
        "127.0.0.1:4566",
        "127.8.9.1:1",
        "[::1]",
        "[::1]:4566",
        "[::ffff:127.0.0.1]:80",
        "photos.s3.localhost:4566",
        "s3.us-east-1.amazonaws.com",
        "photos.s3.amazonaws.com:443",
        "my_bucket.s3.localhost",
        "host.docker.internal:4566",
        "cloud.test:4566",
        "a.b.corp.test",
        "192.0.2.5:4566",
    ],
)
def test_hosts_that_are_served(host: str) -> None:
    assert host_allowed(host, "192.0.2.5", NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:4566",
        "evilamazonaws.com",
        "notlocalhost",
        "192.0.2.6",
        "0.0.0.0",
        "[2001:db8::1]",
        "[::1",
        "[x]",
        "[::1]x",
        "localhost:port",
        "a@localhost",
        "localhost/x",
        "local host",
        "corp.test",
        "x.cloud.test",
        "\udcff.localhost",
        "x" * 400 + ".localhost",
    ],
)
def test_hosts_that_are_not(host: str) -> None:
    assert not host_allowed(host, "192.0.2.5", NAMES)


@pytest.mark.parametrize(
    ("origin", "referer", "expected"),
    [
        (None, None, True),
        ("http://localhost:3000", None, True),
        ("https://127.0.0.1:9", None, True),
        ("http://[::1]:3000", None, True),
        ("http://site.s3.localhost:4566", None, True),
        ("http://192.0.2.5:4566", None, True),
        ("http://cloud.test", None, True),
        ("https://app.example.com", None, True),
        ("HTTPS://APP.example.com", None, True),
        (None, "http://localhost:3000/page?x=http://evil.example", True),
        (None, "https://app.example.com/page", True),
        ("https://evil.example", None, False),
        ("https://app.example.com:444", None, False),
        ("http://app.example.com", None, False),
        ("https://evil.s3.amazonaws.com", None, False),
        ("https://abc.lambda-url.us-east-1.on.aws", None, False),
        ("http://localhost.evil.example", None, False),
        ("http://localhost@evil.example", None, False),
        ("http://evil.example\\@localhost", None, False),
        ("http://evil.example#localhost", None, False),
        ("null", None, False),
        ("", None, False),
        ("file://localhost", None, False),
        ("localhost", None, False),
        (None, "https://evil.example/http://localhost", False),
        (None, "", False),
        ("https://evil.example", "http://localhost/", False),
    ],
)
def test_origins(origin: str | None, referer: str | None, expected: bool) -> None:
    allowed_origins = frozenset(("https://app.example.com",))
    assert origin_allowed(origin, referer, "192.0.2.5", NAMES, allowed_origins) is expected


def test_every_origin_may_be_allowed_but_never_for_admin_pages() -> None:
    assert origin_allowed("https://evil.example", allowed_origins=frozenset("*"))
    for origin in (
        "https://evil.example",
        "null",
        "",
        "http://photos.s3.localhost:4566",
        "http://192.0.2.5",
        "localhost",
    ):
        assert not admin_origin_allowed(origin)
    assert not admin_origin_allowed(None, "https://evil.example/")
    assert admin_origin_allowed(None)
    for origin in ("http://localhost:4566", "http://127.0.0.1:4566", "http://[::1]:4566"):
        assert admin_origin_allowed(origin)
