"""Generated code is Python that can be read: as text, in tracebacks, and without a trace of what a client sent."""

from __future__ import annotations

import ast
import linecache
import traceback

import pytest

from cumulet.wire import compile as compiler


def test_an_operation_is_compiled_once() -> None:
    first = compiler.operation("s3", "GetObject", "rest-xml")
    assert compiler.operation("s3", "GetObject", "rest-xml") is first
    assert repr(first) == "<s3:GetObject over rest-xml>"
    assert (first.service, first.name, first.protocol, first.http_method) == ("s3", "GetObject", "rest-xml", "GET")


@pytest.mark.parametrize(("service", "name"), [("s3", "PutBucketAcl"), ("iam", "CreateRole"), ("lambda", "Invoke")])
def test_the_source_is_what_runs(service: str, name: str) -> None:
    text = compiler.source(service, name)
    assert {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)} >= {
        "parse",
        "check",
        "reply",
    }
    protocol = {"s3": "rest-xml", "iam": "query", "lambda": "rest-json"}[service]
    filename = compiler.operation(service, name, protocol).parse.__code__.co_filename
    assert "".join(linecache.getlines(filename)) == text


def test_the_first_protocol_that_is_built_is_shown() -> None:
    assert compiler.source("cloudwatch", "PutMetricData").startswith('"""cloudwatch PutMetricData, json:')
    assert compiler.source("cloudwatch", "PutMetricData", "query").startswith('"""cloudwatch PutMetricData, query:')


def test_tracebacks_show_generated_lines() -> None:
    operation = compiler.operation("iam", "GetRole", "query")
    with pytest.raises(AttributeError) as caught:
        operation.reply({"Role": 5}, "rid")
    shown = "".join(traceback.format_exception(caught.value))
    assert "g = d.get" in shown


def test_streams_are_named() -> None:
    assert compiler.operation("s3", "UploadPart", "rest-xml").input_stream == "Body"
    assert compiler.operation("s3", "SelectObjectContent", "rest-xml").output_stream == "Payload"
    assert compiler.operation("lambda", "Invoke", "rest-json").input_stream is None
    assert compiler.operation("lambda", "InvokeWithResponseStream", "rest-json").output_stream == "EventStream"
    assert compiler.operation("logs", "StartLiveTail", "json").output_stream == "responseStream"
