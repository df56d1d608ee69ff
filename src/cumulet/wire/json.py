"""The JSON protocols' bodies: typed parsing and, where the model renames or reformats, rewriting before serialisation.

orjson does the syntax. The generated code walks what it returns once: it keeps what the model knows, checks types in AWS's
words, and turns base64 and epoch seconds into bytes and datetimes.
"""

from __future__ import annotations

from typing import Any

from cumulet.wire import quirks
from cumulet.wire.unit import Lines, Unit

_SCALARS = {
    "string": "j_string",
    "character": "j_string",
    "integer": "j_integer",
    "long": "j_long",
    "boolean": "j_boolean",
    "float": "j_double",
    "double": "j_double",
    "blob": "j_blob",
}


def generate(unit: Unit) -> None:
    """`parse` and `reply` of the json protocol (application/x-amz-json-1.0 and 1.1)."""
    unit.define("parse", lambda: _parse(unit))
    unit.define("reply", lambda: _reply(unit))


def _parse(unit: Unit) -> Lines:
    walk = f"{parser(unit, {'shape': unit.input})}(value)" if unit.input else "{}"
    return [
        "def parse(request, claim, body):",
        "    try:",
        "        value = loads(body)",
        "        if type(value) is not dict:",
        "            mis_shaped(value)",
        f"        return {walk}",
        "    except (BadValueError, RecursionError) as err:",
        "        raise serialization_error(err) from None",
    ]


def _reply(unit: Unit) -> Lines:
    version = unit.model.metadata.get("jsonVersion", "1.1")
    stream = unit.stream(unit.output)
    if stream:
        body, kind = f"result[{stream!r}]", "application/vnd.amazon.eventstream"
    else:
        rewritten = writer(unit, unit.output) if unit.output else None
        body = f"dumps({rewritten}(result))" if rewritten else "dumps(result)" if unit.output else "b''"
        kind = f"application/x-amz-json-{version}"
    checksum = ", ('x-amz-crc32', str(crc32(body)))" if unit.service in quirks.CRC32 else ""
    return [
        "def reply(result, request_id):",
        f"    body = {body}",
        f"    return Response(200, [('x-amzn-RequestId', request_id), ('Content-Type', {kind!r}){checksum}], body)",
    ]


def parser(unit: Unit, reference: dict[str, Any]) -> str:
    """The name of the function that turns a JSON value into what the model says."""
    name = reference["shape"]
    shape = unit.shapes[name]
    kind = shape["type"]
    if shape.get("document") or reference.get("jsonvalue"):
        return "j_any"
    if kind == "timestamp":
        return "j_iso8601" if unit.trait(reference, "timestampFormat") in ("iso8601", "rfc822") else "j_epoch"
    if kind in _SCALARS:
        return _SCALARS[kind]
    if kind == "structure":
        return structure_parser(unit, f"p_{name}", shape["members"])
    if kind == "list":
        return unit.define(f"p_{name}", lambda: _list(unit, name, shape))
    return unit.define(f"p_{name}", lambda: _map(unit, name, shape))


def structure_parser(unit: Unit, function: str, members: dict[str, Any]) -> str:
    """As `parser`, for a structure of the given members only (a body whose other members travel elsewhere)."""

    def build() -> Lines:
        renamed = any(member.get("locationName", name) != name for name, member in members.items())
        rows = {}
        for name, member in members.items():
            convert = parser(unit, member)
            rows[member.get("locationName", name)] = f"({name!r}, {convert})" if renamed else convert
        table = unit.table(f"T_{function}", rows)
        head = [f"def {function}(d):", "    if type(d) is not dict:", "        mis_shaped(d)", "    r = {}"]
        if renamed:
            loop = [
                f"        t = {table}.get(k)",
                "        if t is not None and v is not None:",
                "            r[t[0]] = t[1](v)",
            ]
        else:
            loop = [
                f"        f = {table}.get(k)",
                "        if f is j_string and type(v) is str:",
                "            r[k] = v",
                "        elif f is not None and v is not None:",
                "            r[k] = f(v)",
            ]
        return [*head, "    for k, v in d.items():", *loop, "    return r"]

    return unit.define(function, build)


def _list(unit: Unit, name: str, shape: dict[str, Any]) -> Lines:
    convert = parser(unit, shape["member"])
    return [
        f"def p_{name}(d):",
        "    if type(d) is not list:",
        "        mis_shaped(d)",
        f"    return [{convert}(x) for x in d]",
    ]


def _map(unit: Unit, name: str, shape: dict[str, Any]) -> Lines:
    convert = parser(unit, shape["value"])
    return [
        f"def p_{name}(d):",
        "    if type(d) is not dict:",
        "        mis_shaped(d)",
        f"    return {{k: {convert}(v) for k, v in d.items()}}",
    ]


def writer(unit: Unit, name: str) -> str | None:
    """The function that rewrites a value for serialisation; None where orjson can take it as it is."""
    if not any(_special(unit, reached) for reached in _reachable(unit, name)):
        return None
    shape = unit.shapes[name]
    if shape["type"] == "structure":
        return structure_writer(unit, f"o_{name}", shape["members"])
    if shape["type"] == "timestamp":
        return "iso"
    part = shape["member"] if shape["type"] == "list" else shape["value"]
    inner = writer(unit, part["shape"])
    body = f"[{inner}(x) for x in d]" if shape["type"] == "list" else f"{{k: {inner}(v) for k, v in d.items()}}"
    return unit.define(f"o_{name}", lambda: [f"def o_{name}(d):", f"    return {body}"])


def structure_writer(unit: Unit, function: str, members: dict[str, Any]) -> str:
    """As `writer`, for a structure of the given members only."""

    def build() -> Lines:
        rows = {
            name: f"({member.get('locationName', name)!r}, {_member_writer(unit, member)})"
            for name, member in members.items()
        }
        table = unit.table(f"T_{function}", rows)
        return [
            f"def {function}(d):",
            "    r = {}",
            "    for k, v in d.items():",
            f"        t = {table}.get(k)",
            "        if t is not None and v is not None:",
            "            r[t[0]] = v if t[1] is None else t[1](v)",
            "    return r",
        ]

    return unit.define(function, build)


def _member_writer(unit: Unit, member: dict[str, Any]) -> str | None:
    if unit.kind(member) == "timestamp":
        return "iso" if unit.trait(member, "timestampFormat") == "iso8601" else "epoch"
    return writer(unit, member["shape"])


def _reachable(unit: Unit, name: str) -> set[str]:
    seen = {name}
    waiting = [name]
    while waiting:
        shape = unit.shapes[waiting.pop()]
        references = [*shape.get("members", {}).values()]
        references += [shape[part] for part in ("member", "value") if part in shape]
        for reference in references:
            if reference["shape"] not in seen:
                seen.add(reference["shape"])
                waiting.append(reference["shape"])
    return seen


def _special(unit: Unit, name: str) -> bool:
    shape = unit.shapes[name]
    if shape["type"] == "timestamp":
        return bool(shape.get("timestampFormat") == "iso8601")
    return any(
        member.get("locationName", key) != key and not member.get("location")
        for key, member in shape.get("members", {}).items()
    )
