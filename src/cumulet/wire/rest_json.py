"""REST with JSON bodies: Lambda, API Gateway, SageMaker Runtime."""

from __future__ import annotations

from cumulet.wire import json, rest
from cumulet.wire.unit import Lines, Unit


def generate(unit: Unit) -> None:
    """`parse` and `reply` of the rest-json protocol."""
    unit.define("parse", lambda: _parse(unit))
    unit.define("reply", lambda: _reply(unit))


def _parse(unit: Unit) -> Lines:
    binding = rest.binding(unit)
    return [
        "def parse(request, claim, body):",
        "    r = {}",
        "    try:",
        *rest.indent([*binding, *_body(unit)] or ["pass"], 8),
        "    except (BadValueError, RecursionError) as err:",
        "        raise serialization_error(err) from None",
        "    return r",
    ]


def _body(unit: Unit) -> Lines:
    member = rest.payload(unit, unit.input)
    if member is None:
        members = rest.body_members(unit, unit.input)
        if not members:
            return []
        return ["if body:", f"    r.update({json.structure_parser(unit, 'p_body', members)}(loads(body)))"]
    reference = unit.members(unit.input)[member]
    if unit.stream(unit.input) == member:
        return [f"r[{member!r}] = request.body"]
    kind = unit.kind(reference)
    if kind == "blob":
        return ["if body:", f"    r[{member!r}] = body"]
    if kind == "string":
        return ["if body:", f"    r[{member!r}] = text_payload(body)"]
    return ["if body:", f"    r[{member!r}] = {json.parser(unit, reference)}(loads(body))"]


def _reply(unit: Unit) -> Lines:
    lines, _ = rest.heading(unit)
    body, kind = _reply_body(unit)
    typed = [f"headers.append(('Content-Type', {kind!r}))"] if kind else []
    if kind and any(
        member.get("locationName", "").lower() == "content-type" for member in unit.members(unit.output).values()
    ):
        typed = ["if not any(name.lower() == 'content-type' for name, _ in headers):", *rest.indent(typed, 4)]
    return [
        "def reply(result, request_id):",
        "    headers = [('x-amzn-RequestId', request_id)]",
        f"    status = {rest.status(unit)}",
        *rest.indent([*lines, *typed], 4),
        f"    return Response(status, headers, {body})",
    ]


def _reply_body(unit: Unit) -> tuple[str, str]:
    """The expression for the body, and its type."""
    member = rest.payload(unit, unit.output)
    if member is not None:
        reference = unit.members(unit.output)[member]
        if unit.kind(reference) in ("blob", "string"):
            return rest.stream_value(unit, member), "application/json"
        if unit.stream(unit.output) == member:
            return f"as_body(result.get({member!r}))", "application/vnd.amazon.eventstream"
        rewrite = json.writer(unit, reference["shape"]) or ""
        return f"dumps({rewrite}(result.get({member!r}) or {{}}))", "application/json"
    members = rest.body_members(unit, unit.output)
    if not members:
        return "b''", ""
    if len(members) == len(unit.members(unit.output)) and json.writer(unit, unit.output or "") is None:
        return "dumps(result)", "application/json"
    return f"dumps({json.structure_writer(unit, 'o_body', members)}(result))", "application/json"
