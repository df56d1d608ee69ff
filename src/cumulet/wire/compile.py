"""Operations, compiled: from a model's shapes to Python source, at first use, for one protocol at a time.

The generated text is registered in `linecache`, so that tracebacks and debuggers show it, and `source` returns it. Nothing compiled
is kept on disk: writing an operation takes a millisecond, and code read from a folder would be code from whoever can write there.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

from cumulet.base.errors import AwsError
from cumulet.base.messages import Request, Response
from cumulet.base.types import Json
from cumulet.wire import constraints, errors, json, models, query, rest_json, rest_xml, values, xml
from cumulet.wire.claim import Claim
from cumulet.wire.unit import Unit

_GENERATORS: dict[str, Callable[[Unit], None]] = {
    "json": json.generate,
    "query": query.generate,
    "rest-json": rest_json.generate,
    "rest-xml": rest_xml.generate,
}

_NAMES: dict[str, Any] = {
    **{name: value for name, value in vars(values).items() if callable(value) and name[0] != "_"},
    **query.NAMES,
    "HIDDEN": constraints.HIDDEN,
    "HOST_ID": errors.HOST_ID,
    "Response": Response,
    "bad_argument": errors.bad_argument,
    "crc32": crc32,
    "malformed_input": errors.malformed_input,
    "malformed_xml": errors.malformed_xml,
    "missing_body": errors.missing_body,
    "pattern": constraints.pattern,
    "read": xml.read,
    "serialization_error": errors.serialization_error,
}


class Operation:
    """One operation in one protocol. The four functions are attributes, not methods: a call costs no binding.

    `parse(request, claim, body)` gives the parameters; AwsError for bad syntax or types.
    `check(params)` raises AwsError with AWS's combined message where the model's constraints are broken.
    `reply(result, request_id)` is the response of a success, `fail(error, request_id)` that of an error.
    `input_stream` and `output_stream` name the members whose bytes the wire never holds.
    """

    __slots__ = (
        "check", "fail", "http_method", "input_stream", "name", "output_stream", "parse", "protocol", "reply", "service",
    )  # fmt: skip

    def __init__(self, unit: Unit, namespace: dict[str, Any]) -> None:
        self.service = unit.service
        self.name = unit.name
        self.protocol = unit.protocol
        self.http_method = unit.method
        self.input_stream = unit.stream(unit.input)
        self.output_stream = unit.stream(unit.output)
        self.parse: Callable[[Request, Claim, bytes], Json] = namespace["parse"]
        self.check: Callable[[Json], None] = namespace["check"]
        self.reply: Callable[[Json, str], Response] = namespace["reply"]
        plain = partial(errors.fail, unit.protocol, unit.service)
        self.fail: Callable[[AwsError, str], Response] = (
            partial(_without_body, plain) if unit.method == "HEAD" else plain
        )

    def __repr__(self) -> str:
        return f"<{self.service}:{self.name} over {self.protocol}>"


def _without_body(fail: Callable[[AwsError, str], Response], error: AwsError, request_id: str) -> Response:
    response = fail(error, request_id)
    response.body = b""
    return response


_compiled: dict[tuple[str, str, str], Operation] = {}


def operation(service: str, name: str, protocol: str) -> Operation:
    """An operation, compiled at first use. AwsError as the service words it when it has no such operation or protocol."""
    key = (service, name, protocol)
    found = _compiled.get(key)
    if found is None:
        found = _compiled[key] = _compile(_unit(service, name, protocol))
    return found


def source(service: str, name: str, protocol: str | None = None) -> str:
    """The generated text of an operation, in the service's first protocol that is built unless one is given."""
    if protocol is None:
        metadata = models.load(service).metadata
        offered = metadata.get("protocols") or [metadata["protocol"]]
        protocol = next((one for one in offered if one in _GENERATORS), offered[0])
    return _unit(service, name, protocol).source()


def _unit(service: str, name: str, protocol: str) -> Unit:
    try:
        model = models.load(service)
    except KeyError:
        raise errors.unknown_operation(service, protocol, name) from None
    generate = _GENERATORS.get(protocol)
    if generate is None or name not in model.operations:
        raise errors.unknown_operation(service, protocol, name, model.metadata.get("apiVersion"))
    unit = Unit(model, name, protocol)
    generate(unit)
    constraints.generate(unit)
    return unit


def _compile(unit: Unit) -> Operation:
    text = unit.source()
    filename = f"<wire {unit.service} {unit.name} {unit.protocol}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)

    def invalid(breaches: list[tuple[Any, str, str]]) -> AwsError:
        return errors.invalid(unit.service, unit.protocol, constraints.message(breaches))

    namespace: dict[str, Any] = {**_NAMES, "invalid": invalid, "__name__": filename}
    exec(compile(text, filename, "exec"), namespace)
    return Operation(unit, namespace)
