"""Who may talk to the cloud at all, which pages are the house's own, and that everything else is an AWS call."""

from __future__ import annotations

from typing import Any

import pytest

from cumulet.base.messages import Request, Response
from cumulet.config import Settings
from cumulet.gateway.pipeline import Pipeline
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Service
from cumulet.store import memory


def no_functions(machine: Machine) -> Any:
    raise AssertionError("nobody asked for functions")


@pytest.fixture
def pipeline() -> Pipeline:
    """A pipeline in front of a cloud that has one empty service."""
    kv, blobs = memory.open()
    machine = Machine(Settings(ephemeral=True), kv, blobs, no_functions)
    kernel = Kernel(machine, Registry(["s3"], Service))
    return Pipeline(kernel, lambda: None)


def ask(pipeline: Pipeline, target: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in {"host": "localhost:4566", **headers}.items()}
    answer = pipeline(Request("GET", target, named))
    assert isinstance(answer, Response)
    return answer


def kind(answer: Response) -> str:
    """`aws` for an answer of an AWS API, else its content type."""
    headers = {name.lower(): value for name, value in answer.headers}
    return "aws" if "x-amz-request-id" in headers else headers["content-type"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:4566", 200),
        ("127.0.0.1", 200),
        ("[::1]:4566", 200),
        ("", 200),
        ("LOCALHOST.", 200),
        ("evil.example.com", 421),
        ("localhost.evil.com", 421),
        ("127.0.0.1.evil.com", 421),
        ("localhost, evil.com", 421),
        ("user@localhost", 421),
        ("10.0.0.7", 421),
        ("localhost:4566:1", 421),
    ],
)
def test_only_names_of_this_machine_are_served(pipeline: Pipeline, host: str, status: int) -> None:
    assert ask(pipeline, "/_cumulet/health", host=host).status == status


@pytest.mark.parametrize("header", ["origin", "referer"])
@pytest.mark.parametrize(
    ("page", "api", "admin"),
    [
        ("http://localhost:3000", True, True),
        ("http://127.0.0.1:8080", True, True),
        # What a bucket serves may use the API, like any app in development, but it is not the house's own page.
        ("http://site.s3.localhost:4566", True, False),
        ("https://evil.example.com", False, False),
        ("http://localhost.evil.com", False, False),
        ("http://localhost@evil.com", False, False),
        ("chrome-extension://abc", False, False),
        ("null", False, False),
        ("", False, False),
    ],
)
def test_pages_from_elsewhere_are_refused(pipeline: Pipeline, header: str, page: str, api: bool, admin: bool) -> None:
    answer = ask(pipeline, "/bucket/key", **{header: page})
    assert kind(answer) == "aws" if api else answer.status == 403
    assert ask(pipeline, "/_cumulet/health", **{header: page}).status == (200 if admin else 403)


def test_a_page_that_hides_its_name_is_refused(pipeline: Pipeline) -> None:
    assert ask(pipeline, "/?Action=DeleteUser", sec_fetch_site="cross-site").status == 403
    assert ask(pipeline, "/_cumulet/info", sec_fetch_site="cross-site").status == 403
    # Typed into the address bar, from the house's own page, from a page that has said who it is.
    for site, more in (("none", {}), ("same-origin", {}), ("cross-site", {"origin": "http://localhost:3000"})):
        assert ask(pipeline, "/_cumulet/health", sec_fetch_site=site, **more).status == 200


@pytest.mark.parametrize(
    ("host", "path", "what"),
    [
        ("localhost", "/_cumulet/health", "application/json"),
        ("cumulet.localhost", "/_cumulet/health", "application/json"),
        ("localhost", "/_localstack/health", "application/json"),
        ("localhost", "/_cumulet", "aws"),
        ("localhost", "//_cumulet/health", "aws"),
        ("localhost", "/%5fcumulet/health", "aws"),
        ("localhost", "/_CUMULET/health", "aws"),
        ("photos.s3.localhost:4566", "/_cumulet/health", "aws"),
        ("photos.s3.us-east-1.amazonaws.com", "/_cumulet/health", "aws"),
    ],
)
def test_which_pages_are_the_houses_own(pipeline: Pipeline, host: str, path: str, what: str) -> None:
    assert kind(ask(pipeline, path, host=host)) == what


def test_refusals_do_not_repeat_without_end_what_they_were_told(pipeline: Pipeline) -> None:
    for headers in ({"host": "x" * 10_000}, {"origin": "http://" + "y" * 10_000}):
        body = ask(pipeline, "/", **headers).body
        assert isinstance(body, bytes)
        assert len(body) < 400
