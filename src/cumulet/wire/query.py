"""The query protocol: a flat form whose keys spell a tree (`Tags.member.1.Key`), and an XML document in return.

The form is split into its tree once, so that the cost is the form's length, however deep, sparse or hostile its keys are.
"""

from __future__ import annotations

from typing import Any

from cumulet.wire import xml
from cumulet.wire.unit import Lines, Unit
from cumulet.wire.values import (
    BadValueError,
    blob,
    boolean,
    double,
    epoch_text,
    http_datetime,
    integer,
    iso_datetime,
    long_integer,
)

MAX_DEPTH = 48

Node = dict[str, Any]


def tree(form: dict[str, Any]) -> Node:
    """The tree that the keys of a form spell. A value under a key that others continue is kept under the empty name."""
    root: Node = {}
    for key, value in form.items():
        if type(value) is list:
            value = value[-1]
        if "." not in key:
            held = root.get(key)
            if type(held) is dict:
                held[""] = value
            else:
                root[key] = value
            continue
        parts = key.split(".", MAX_DEPTH)
        if len(parts) > MAX_DEPTH:
            raise BadValueError("Parameter names nest too deeply")
        node = root
        for part in parts[:-1]:
            held = node.get(part)
            if type(held) is not dict:
                held = node[part] = {} if held is None else {"": held}
            node = held
        held = node.get(parts[-1])
        if type(held) is dict:
            held[""] = value
        else:
            node[parts[-1]] = value
    return root


def items(node: Any, name: str | None) -> list[Any]:
    """The elements below a list's node in the order of their numbers; gaps close. An empty value is an empty list."""
    if type(node) is not dict:
        if node == "":
            return []
        raise BadValueError("Unexpected list element termination")
    if name is not None:
        node = node.get(name, "")
        if node == "":
            return []
        if type(node) is not dict:
            raise BadValueError("Unexpected list element termination")
    numbered = []
    for number, value in node.items():
        if number == "":
            continue
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise BadValueError(f"Key {number[:64]} is not a valid list index")
        numbered.append((int(number), value))
    numbered.sort(key=_number)
    return [value for _, value in numbered]


def _number(pair: tuple[int, Any]) -> int:
    return pair[0]


def leaf(node: Any) -> str:
    """The text of a scalar's node."""
    if type(node) is str:
        return node
    raise BadValueError("Start of structure or map found where not expected.")


def branch(node: Any) -> Node:
    """The children of a structure's or map's node."""
    if type(node) is dict:
        return node
    if node == "":
        return {}
    raise BadValueError("Unexpected value where a structure was expected")


def q_integer(node: Any) -> int:
    return integer(leaf(node))


def q_long(node: Any) -> int:
    return long_integer(leaf(node))


def q_double(node: Any) -> float:
    return double(leaf(node))


def q_boolean(node: Any) -> bool:
    return boolean(leaf(node))


def q_blob(node: Any) -> bytes:
    return blob(leaf(node))


def q_iso8601(node: Any) -> Any:
    return iso_datetime(leaf(node))


def q_rfc822(node: Any) -> Any:
    return http_datetime(leaf(node))


def q_epoch(node: Any) -> Any:
    return epoch_text(leaf(node))


NAMES = {
    function.__name__: function
    for function in (
        tree,
        items,
        leaf,
        branch,
        q_integer,
        q_long,
        q_double,
        q_boolean,
        q_blob,
        q_iso8601,
        q_rfc822,
        q_epoch,
    )
}
"""What generated code calls from this module."""

_SCALARS = {
    "string": "leaf",
    "character": "leaf",
    "integer": "q_integer",
    "long": "q_long",
    "float": "q_double",
    "double": "q_double",
    "boolean": "q_boolean",
    "blob": "q_blob",
}


def generate(unit: Unit) -> None:
    """`parse` and `reply` of the query protocol."""
    unit.define("parse", lambda: _parse(unit))
    unit.define("reply", lambda: _reply(unit))


def _parse(unit: Unit) -> Lines:
    walk = f"{_structure(unit, unit.input)}(tree(claim.query))" if unit.input else "{}"
    return [
        "def parse(request, claim, body):",
        "    try:",
        f"        return {walk}",
        "    except (BadValueError, RecursionError) as err:",
        "        raise malformed_input(err) from None",
    ]


def _structure(unit: Unit, name: str) -> str:
    def build() -> Lines:
        rows = {}
        for key, member in unit.members(name).items():
            shape = unit.shapes[member["shape"]]
            wire = member.get("locationName", key)
            if shape["type"] == "list" and shape.get("flattened"):
                wire = shape["member"].get("locationName", wire)
            rows[wire] = f"({key!r}, {_parser(unit, member)})"
        table = unit.table(f"Q_{name}", rows)
        return [
            f"def q_{name}(node):",
            "    r = {}",
            "    for k, v in branch(node).items():",
            f"        t = {table}.get(k)",
            "        if t is not None:",
            "            r[t[0]] = t[1](v)",
            "    return r",
        ]

    return unit.define(f"q_{name}", build)


def _parser(unit: Unit, reference: dict[str, Any]) -> str:
    name = reference["shape"]
    shape = unit.shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return _structure(unit, name)
    if kind == "list":
        return unit.define(f"q_{name}", lambda: _list(unit, name, shape))
    if kind == "map":
        return unit.define(f"q_{name}", lambda: _map(unit, name, shape))
    if kind == "timestamp":
        form = unit.trait(reference, "timestampFormat")
        return {"rfc822": "q_rfc822", "unixTimestamp": "q_epoch"}.get(form or "", "q_iso8601")
    return _SCALARS[kind]


def _list(unit: Unit, name: str, shape: dict[str, Any]) -> Lines:
    member = shape["member"]
    between = None if shape.get("flattened") else member.get("locationName", "member")
    return [f"def q_{name}(node):", f"    return [{_parser(unit, member)}(v) for v in items(node, {between!r})]"]


def _map(unit: Unit, name: str, shape: dict[str, Any]) -> Lines:
    between = None if shape.get("flattened") else "entry"
    key = shape["key"].get("locationName", "key")
    value = shape["value"].get("locationName", "value")
    return [
        f"def q_{name}(node):",
        "    r = {}",
        f"    for entry in items(node, {between!r}):",
        "        entry = branch(entry)",
        f"        if {key!r} in entry:",
        f"            r[leaf(entry[{key!r}])] = {_parser(unit, shape['value'])}(entry.get({value!r}, ''))",
        "    return r",
    ]


def _reply(unit: Unit) -> Lines:
    namespace = unit.model.metadata.get("xmlNamespace", "")
    namespace = namespace["uri"] if isinstance(namespace, dict) else namespace
    wrapper = (unit.operation.get("output") or {}).get("resultWrapper")
    start = f'<{unit.name}Response xmlns="{namespace}">' + (f"<{wrapper}>" if wrapper else "")
    middle = (f"</{wrapper}>" if wrapper else "") + "<ResponseMetadata><RequestId>"
    end = f"</RequestId></ResponseMetadata></{unit.name}Response>"
    write = [f"    {xml.structure_writer(unit, unit.output)}(result, a)"] if unit.output else []
    return [
        "def reply(result, request_id):",
        f"    o = [{start!r}]",
        "    a = o.append",
        *write,
        f"    a({middle!r})",
        "    a(request_id)",
        f"    a({end!r})",
        "    headers = [('x-amzn-RequestId', request_id), ('Content-Type', 'text/xml')]",
        "    return Response(200, headers, ''.join(o).encode())",
    ]
