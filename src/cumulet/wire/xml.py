"""XML both ways: writers generated from shapes, and a reader that knows no document types, hence no entities.

Text is built from pieces, not from a tree: a listing of a hundred objects takes a quarter of a millisecond.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLParser

from cumulet.wire import quirks
from cumulet.wire.unit import Lines, Unit
from cumulet.wire.values import BadValueError

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

_TEXT = {
    "string": "{0} if unsafe({0}) is None else escape({0})",
    "character": "{0} if unsafe({0}) is None else escape({0})",
    "integer": "{}",
    "long": "{}",
    "float": "double_text({})",
    "double": "double_text({})",
    "boolean": "boolean_text({})",
    "blob": "encode_blob({})",
}


def read(body: bytes) -> Element:
    """The root element of a UTF-8 document. Raises BadValueError for bad syntax and document types.

    Depth needs no limit of its own: the parser and the tree nest on the heap, and what reads the tree goes as deep as the model.
    """
    try:
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text:
            raise BadValueError("")
        parser = XMLParser()  # noqa: S314
        parser.feed(text)
        return parser.close()
    except (UnicodeDecodeError, ParseError, ValueError):
        raise BadValueError("") from None


# ------------------------------------------------------------------------------------------------------------- writing


def structure_writer(unit: Unit, name: str) -> str:
    """The function `(value, append)` that writes a structure's body members as elements."""

    def build() -> Lines:
        lines = [f"def w_{name}(d, a):", "    g = d.get"]
        for key, member in unit.members(name).items():
            if not member.get("location") and not member.get("xmlAttribute"):
                lines += [f"    v = g({key!r})", "    if v is not None:", *_member(unit, key, member)]
        return lines

    return unit.define(f"w_{name}", build)


def _member(unit: Unit, key: str, member: dict[str, Any]) -> Lines:
    shape = unit.shapes[member["shape"]]
    tag = member.get("locationName", key)
    flattened = shape.get("flattened") or member.get("flattened")
    if shape["type"] == "list":
        item = shape["member"]
        if flattened:
            return _items(unit, item, item.get("locationName", tag), "        ")
        inner = _items(unit, item, item.get("locationName", "member"), "        ")
        return [f"        a({f'<{tag}>'!r})", *inner, f"        a({f'</{tag}>'!r})"]
    if shape["type"] == "map":
        if flattened:
            return _entries(unit, shape, tag, "        ")
        return [
            f"        a({f'<{tag}>'!r})",
            *_entries(unit, shape, "entry", "        "),
            f"        a({f'</{tag}>'!r})",
        ]
    return ["        " + statement for statement in element(unit, member, tag, "v")]


def _items(unit: Unit, item: dict[str, Any], tag: str, indent: str) -> Lines:
    return [f"{indent}for x in v:", *(f"{indent}    {statement}" for statement in element(unit, item, tag, "x"))]


def _entries(unit: Unit, shape: dict[str, Any], tag: str, indent: str) -> Lines:
    key_tag = shape["key"].get("locationName", "key")
    value_tag = shape["value"].get("locationName", "value")
    return [
        f"{indent}for y, x in v.items():",
        f"{indent}    a(f'<{tag}><{key_tag}>{{escape(y)}}</{key_tag}>')",
        *(f"{indent}    {statement}" for statement in element(unit, shape["value"], value_tag, "x")),
        f"{indent}    a('</{tag}>')",
    ]


def element(unit: Unit, reference: dict[str, Any], tag: str, variable: str) -> Lines:
    """Statements that append one element made of `variable`."""
    kind = unit.kind(reference)
    name = reference["shape"]
    if kind == "structure":
        opening = _opening(unit, name, tag, variable)
        return [*opening, f"{structure_writer(unit, name)}({variable}, a)", f"a({f'</{tag}>'!r})"]
    if kind in ("list", "map"):
        write = unit.define(f"w_{name}", lambda: _collection(unit, name))
        return [f"a({f'<{tag}>'!r})", f"{write}({variable}, a)", f"a({f'</{tag}>'!r})"]
    return [f"a(f'<{tag}>{{{text(unit, reference, variable)}}}</{tag}>')"]


def _collection(unit: Unit, name: str) -> Lines:
    """A list or map that is itself an element of a list or map."""
    shape = unit.shapes[name]
    if shape["type"] == "list":
        inner = _items(unit, shape["member"], shape["member"].get("locationName", "member"), "    ")
    else:
        inner = _entries(unit, shape, "entry", "    ")
    return [f"def w_{name}(v, a):", *inner]


def _opening(unit: Unit, name: str, tag: str, variable: str) -> Lines:
    """Statements for the start tag of a structure, with the attributes that some of its members are."""
    attributes = [(key, member) for key, member in unit.members(name).items() if member.get("xmlAttribute")]
    if not attributes:
        return [f"a({f'<{tag}>'!r})"]
    namespace = unit.shapes[name].get("xmlNamespace", {})
    declared = f' xmlns:{namespace["prefix"]}="{namespace["uri"]}"' if namespace.get("prefix") else ""
    lines = [f"a({f'<{tag}{declared}'!r})"]
    for key, member in attributes:
        start = f' {member["locationName"]}="'
        lines += [f"if {variable}.get({key!r}):", f"    a({start!r} + escape({variable}[{key!r}]) + '\"')"]
    return [*lines, "a('>')"]


def text(unit: Unit, reference: dict[str, Any], variable: str) -> str:
    """An expression for a scalar's text."""
    kind = unit.kind(reference)
    if kind == "timestamp":
        form = unit.trait(reference, "timestampFormat")
        if form == "rfc822":
            return f"http_date({variable})"
        if form == "unixTimestamp":
            return f"epoch({variable})"
        return f"iso_millis({variable})" if unit.service in quirks.MILLISECONDS else f"iso({variable})"
    return _TEXT[kind].format(variable)


# ------------------------------------------------------------------------------------------------------------- reading

_READ = {
    "string": "None",
    "character": "None",
    "integer": "integer",
    "long": "long_integer",
    "float": "double",
    "double": "double",
    "boolean": "boolean",
    "blob": "blob",
}


def structure_reader(unit: Unit, name: str, members: dict[str, Any] | None = None) -> str:
    """The function that turns an element into a structure. Elements that the model does not know are skipped."""

    def build() -> Lines:
        rows = {}
        attributes = {}
        for key, member in (unit.members(name) if members is None else members).items():
            tag = member.get("locationName", key)
            if member.get("xmlAttribute"):
                attributes[tag.rpartition(":")[2]] = repr(key)
                continue
            shape = unit.shapes[member["shape"]]
            if shape["type"] == "list" and (shape.get("flattened") or member.get("flattened")):
                item = shape["member"]
                how = 2 + _nested(unit, item)
                rows[item.get("locationName", tag)] = f"({key!r}, {how}, {_reader(unit, item)})"
            else:
                rows[tag] = f"({key!r}, {int(_nested(unit, member))}, {_reader(unit, member)})"
        lines = [f"def x_{name}(e):", "    r = {}"]
        if attributes:
            table = unit.table(f"A_{name}", attributes)
            lines += [
                "    for k, v in e.attrib.items():",
                f"        t = {table}.get(k.rpartition('}}')[2])",
                "        if t is not None:",
                "            r[t] = v",
            ]
        table = unit.table(f"X_{name}", rows)
        return [
            *lines,
            "    for c in e:",
            f"        t = {table}.get(c.tag.rpartition('}}')[2])",
            "        if t is not None:",
            "            k, how, f = t",
            "            v = c if how & 1 else c.text or ''",
            "            if f is not None:",
            "                v = f(v)",
            "            if how < 2:",
            "                r[k] = v",
            "            elif k in r:",
            "                r[k].append(v)",
            "            else:",
            "                r[k] = [v]",
            "    return r",
        ]

    return unit.define(f"x_{name}", build)


def _nested(unit: Unit, reference: dict[str, Any]) -> bool:
    return unit.kind(reference) in ("structure", "list", "map")


def _reader(unit: Unit, reference: dict[str, Any]) -> str:
    kind = unit.kind(reference)
    name = reference["shape"]
    if kind == "structure":
        return structure_reader(unit, name)
    if kind == "list":
        return unit.define(f"x_{name}", lambda: _list_reader(unit, name))
    if kind == "map":
        return unit.define(f"x_{name}", lambda: _map_reader(unit, name))
    if kind == "timestamp":
        form = unit.trait(reference, "timestampFormat")
        return {"rfc822": "http_datetime", "unixTimestamp": "epoch_text"}.get(form or "", "iso_datetime")
    return _READ[kind]


def _one(unit: Unit, reference: dict[str, Any], variable: str) -> str:
    """An expression for the value of an element."""
    function = _reader(unit, reference)
    if _nested(unit, reference):
        return f"{function}({variable})"
    return f"{variable}.text or ''" if function == "None" else f"{function}({variable}.text or '')"


def _list_reader(unit: Unit, name: str) -> Lines:
    return [f"def x_{name}(e):", f"    return [{_one(unit, unit.shapes[name]['member'], 'c')} for c in e]"]


def _map_reader(unit: Unit, name: str) -> Lines:
    shape = unit.shapes[name]
    key_tag = shape["key"].get("locationName", "key")
    value_tag = shape["value"].get("locationName", "value")
    return [
        f"def x_{name}(e):",
        "    r = {}",
        "    for entry in e:",
        "        parts = {c.tag.rpartition('}')[2]: c for c in entry}",
        f"        if {key_tag!r} in parts and {value_tag!r} in parts:",
        f"            r[parts[{key_tag!r}].text or ''] = {_one(unit, shape['value'], f'parts[{value_tag!r}]')}",
        "    return r",
    ]
