"""What the two REST protocols share: members that travel in the path, the query string, headers and the status."""

from __future__ import annotations

from typing import Any

from cumulet.wire import quirks
from cumulet.wire.unit import Lines, Unit

_TEXT_IN = {"integer": "integer", "long": "long_integer", "float": "double", "double": "double", "boolean": "boolean"}
_TEXT_OUT = {
    "integer": "str",
    "long": "str",
    "float": "double_text",
    "double": "double_text",
    "boolean": "boolean_text",
}
_DATES_IN = {"rfc822": "http_datetime", "iso8601": "iso_datetime", "unixTimestamp": "epoch_text"}
_DATES_OUT = {"rfc822": "http_date", "iso8601": "iso", "unixTimestamp": "epoch_header"}

# Headers that the server writes itself from the body; only a response without one has to carry them.
_FRAMING = frozenset({"content-length"})


def located(unit: Unit, shape: str | None) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The members of a structure by where they travel; "" is the body."""
    places: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, member in unit.members(shape).items():
        places.setdefault(member.get("location", ""), []).append((name, member))
    return places


def payload(unit: Unit, shape: str | None) -> str | None:
    """The member that is the whole body, if one is."""
    found: str | None = unit.shapes[shape].get("payload") if shape else None
    return found


def binding(unit: Unit) -> Lines:
    """Statements that fill `r` from labels, query and headers; on a bad value `k` and `v` are its name and text."""
    places = located(unit, unit.input)
    lines: Lines = []
    for name, member in places.get("uri", ()):
        key = member.get("locationName", name)
        convert = _from_text(unit, member, "iso8601")
        value = f"claim.labels[{key!r}]"
        lines += (
            [f"k = {key!r}", f"v = {value}", f"r[{name!r}] = {convert}(v)"] if convert else [f"r[{name!r}] = {value}"]
        )
    lines += _query(unit, places.get("querystring", []))
    lines += _headers(unit, places.get("header", []), places.get("headers", []))
    return lines


def _query(unit: Unit, members: list[tuple[str, dict[str, Any]]]) -> Lines:
    if not members:
        return []
    lines = ["q = claim.query", "if q:"]
    bound = {member.get("locationName", name) for name, member in members if unit.kind(member) != "map"}
    bound |= {part.partition("=")[0] for part in unit.operation["http"]["requestUri"].partition("?")[2].split("&")}
    for name, member in members:
        key = member.get("locationName", name)
        kind = unit.kind(member)
        shape = unit.shapes[member["shape"]]
        if kind == "map":
            each = "many" if unit.kind(shape["value"]) == "list" else "one"
            lines += [
                f"    v = {{x: {each}(y) for x, y in q.items() if x not in {sorted(bound)!r}}}",
                "    if v:",
                f"        r[{name!r}] = v",
            ]
            continue
        lines += [f"    k = {key!r}", f"    v = q.get({key!r})", "    if v is not None:"]
        if kind == "list":
            convert = _from_text(unit, shape["member"], "iso8601")
            value = f"[{convert}(x) for x in many(v)]" if convert else "many(v)"
            lines.append(f"        r[{name!r}] = {value}")
        else:
            convert = _from_text(unit, member, "iso8601")
            lines += [
                "        v = one(v)",
                f"        r[{name!r}] = {convert}(v)" if convert else f"        r[{name!r}] = v",
            ]
    return lines


def _headers(
    unit: Unit, members: list[tuple[str, dict[str, Any]]], prefixed: list[tuple[str, dict[str, Any]]]
) -> Lines:
    if not members and not prefixed:
        return []
    rows = {}
    for name, member in members:
        key = member.get("locationName", name).lower()
        convert = _from_text(unit, member, "rfc822")
        if convert == "http_datetime" and key in quirks.LENIENT_DATES:
            convert = "http_datetime_or_none"
        rows[key] = f"({name!r}, {convert})"
    table = unit.table("HEADERS_IN", rows)
    lines = [
        "for k, v in request.headers.items():",
        f"    t = {table}.get(k)",
        "    if t is not None:",
        "        x = v if t[1] is None else t[1](v)",
        "        if x is not None:",
        "            r[t[0]] = x",
    ]
    for name, member in prefixed:
        prefix = member.get("locationName", "").lower()
        lines += [
            f"    elif k.startswith({prefix!r}):",
            f"        if {name!r} in r:",
            f"            r[{name!r}][k[{len(prefix)}:]] = v",
            "        else:",
            f"            r[{name!r}] = {{k[{len(prefix)}:]: v}}",
        ]
    return lines


def _from_text(unit: Unit, reference: dict[str, Any], date: str) -> str | None:
    """The function that turns text into what the model says; None for text."""
    kind = unit.kind(reference)
    if kind == "timestamp":
        return _DATES_IN[unit.trait(reference, "timestampFormat") or date]
    if kind == "list":
        return "header_list"
    if reference.get("jsonvalue"):
        return "json_header"
    return "blob" if kind == "blob" else _TEXT_IN.get(kind)


def heading(unit: Unit) -> tuple[Lines, bool]:
    """Statements that fill `headers` and `status` from the result; whether the others were put into `rest`."""
    places = located(unit, unit.output)
    rows = {}
    for name, member in places.get("header", ()):
        key = member.get("locationName", name)
        if key.lower() in _FRAMING and unit.method != "HEAD":
            continue
        rows[name] = f"({key!r}, {_to_text(unit, member)})"
    lines: Lines = []
    if rows:
        table = unit.table("HEADERS_OUT", rows)
        lines += [
            "headers += [",
            "    (t[0], t[1](v)) for k, v in result.items()",
            f"    if v is not None and (t := {table}.get(k)) is not None",
            "]",
        ]
    for name, member in places.get("headers", ()):
        lines += [
            f"v = result.get({name!r})",
            "if v:",
            "    for k, x in v.items():",
            f"        headers.append(({member.get('locationName', '')!r} + header_name(k), header(x)))",
        ]
    for name, _ in places.get("statusCode", ()):
        lines.append(f"status = result.get({name!r}) or status")
    partial = quirks.PARTIAL_CONTENT.get((unit.service, unit.name))
    if partial:
        lines += [f"if result.get({partial!r}) is not None:", "    status = 206"]
    return lines, set(places) != {""}


def _to_text(unit: Unit, member: dict[str, Any]) -> str:
    kind = unit.kind(member)
    if kind == "timestamp":
        return _DATES_OUT[unit.trait(member, "timestampFormat") or "rfc822"]
    if kind == "list":
        return "header_items"
    if member.get("jsonvalue"):
        return "json_header_text"
    return "encode_blob" if kind == "blob" else _TEXT_OUT.get(kind, "header")


def status(unit: Unit) -> int:
    """The status of a success."""
    return int(unit.operation["http"].get("responseCode", 200))


def body_members(unit: Unit, shape: str | None) -> dict[str, Any]:
    """The members that the body holds, where no single member is the body."""
    if payload(unit, shape):
        return {}
    return {name: member for name, member in unit.members(shape).items() if not member.get("location")}


def indent(lines: Lines, by: int) -> Lines:
    return [" " * by + line for line in lines]


def stream_value(unit: Unit, member: str) -> str:
    """The expression for a raw body: what the operation gave, or nothing."""
    kind = unit.kind(unit.members(unit.output)[member])
    value = f"result.get({member!r})"
    return f"({value} or '').encode()" if kind == "string" else f"as_body({value})"
