"""The constraints that models state (required, length, range, pattern, enumeration), as generated checks.

AWS answers with one message that lists every breach; the words here are those of its own frameworks. A pattern that Python
cannot read or that could take exponential time is not checked on values long enough to matter: a request is then judged
by the service's own rules only.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

from cumulet.wire import quirks, rest
from cumulet.wire.unit import Lines, Unit

_TEXTUAL = ("string", "character", "blob")
_NUMERIC = ("integer", "long", "float", "double")
_NESTED_LIMIT = 20
_SHOWN = 2048


def generate(unit: Unit) -> None:
    """`check(params)`: nothing where the model states nothing."""
    unit.define("check", lambda: _check(unit))


def _check(unit: Unit) -> Lines:
    if unit.service in quirks.SCHEMA_ONLY:
        return _schema_check(unit)
    if unit.input is None or not _constrained(unit, unit.input):
        return ["def check(params):", "    pass"]
    return [
        "def check(params):",
        "    e = []",
        f"    {_structure(unit, unit.input)}(params, '', e)",
        "    if e:",
        "        raise invalid(e)",
    ]


def _schema_check(unit: Unit) -> Lines:
    """A document that breaks its schema is malformed, whatever the breach."""
    member = rest.payload(unit, unit.input)
    reference = unit.members(unit.input).get(member or "", {})
    if unit.input is None or member is None or unit.kind(reference) != "structure":
        return ["def check(params):", "    pass"]
    lines = ["def check(params):", "    e = []", f"    v = params.get({member!r})", "    if v is None:"]
    required = member in unit.shapes[unit.input].get("required", ())
    lines.append("        raise missing_body()" if required else "        return")
    if _constrained(unit, reference["shape"]):
        lines += [f"    {_structure(unit, reference['shape'])}(v, '', e)", "    if e:", "        raise malformed_xml()"]
    return lines


def _constrained(unit: Unit, name: str) -> bool:
    """Whether anything reachable from a shape is constrained."""
    seen = {name}
    waiting = [name]
    while waiting:
        shape = unit.shapes[waiting.pop()]
        if _own(unit, shape) or shape.get("required"):
            return True
        parts = [shape[part] for part in ("member", "key", "value") if part in shape]
        for reference in [*shape.get("members", {}).values(), *parts]:
            if reference["shape"] not in seen:
                seen.add(reference["shape"])
                waiting.append(reference["shape"])
    return False


def _own(unit: Unit, shape: dict[str, Any]) -> bool:
    keys = ("enum",) if unit.service in quirks.SCHEMA_ONLY else ("min", "max", "pattern", "enum")
    return any(key in shape for key in keys)


def _structure(unit: Unit, name: str) -> str:
    def build() -> Lines:
        lines = [f"def c_{name}(d, p, e):", "    g = d.get"]
        required = unit.shapes[name].get("required", ())
        stream = unit.stream(name)
        for key, member in unit.members(name).items():
            path = f"p + {_camel(key)!r}"
            tests = [] if key == stream else _tests(unit, member, "v", path)
            if not tests and key not in required:
                continue
            lines.append(f"    v = g({key!r})")
            if key in required:
                lines += ["    if v is None:", f"        e.append((None, {path}, 'Member must not be null'))"]
                lines += ["    else:", *rest.indent(tests, 8)] if tests else []
            else:
                lines += ["    if v is not None:", *rest.indent(tests, 8)]
        return lines

    return unit.define(f"c_{name}", build)


def _camel(name: str) -> str:
    """Names as AWS's messages print them: the first letter is small, whatever follows."""
    return name[:1].lower() + name[1:]


def _tests(unit: Unit, reference: dict[str, Any], variable: str, path: str) -> Lines:
    """Statements that append to `e` what is wrong with `variable`."""
    name = reference["shape"]
    shape = unit.shapes[name]
    kind = shape["type"]
    shown = "HIDDEN" if shape.get("sensitive") else variable
    lines: Lines = []
    conditions = " or ".join(condition for condition, _ in _conditions(unit, name, variable))
    if conditions:
        lines = [f"if {conditions}:", f"    {_report(unit, name)}({variable}, {path}, e)"]
    if kind == "structure" and _constrained(unit, name):
        lines.append(f"{_structure(unit, name)}({variable}, {path} + '.', e)")
    elif kind == "list":
        lines += _each(unit, shape["member"], variable, path, shown, "Member must satisfy constraint: ")
    elif kind == "map":
        keys = [condition for condition, _ in _conditions(unit, shape["key"]["shape"], "x")]
        if keys:
            text = "Map keys must satisfy constraint: " + _joined(unit, shape["key"]["shape"])
            lines += [f"if any({' or '.join(keys)} for x in {variable}):", f"    e.append(({shown}, {path}, {text!r}))"]
        lines += _each(unit, shape["value"], variable, path, shown, "Map value must satisfy constraint: ")
    return lines


def _report(unit: Unit, name: str) -> str:
    """The function that says which constraints of its own a value breaks: off the path of good requests, once per shape."""
    shown = "HIDDEN" if unit.shapes[name].get("sensitive") else "v"

    def build() -> Lines:
        lines = [f"def b_{name}(v, p, e):"]
        for condition, text in _conditions(unit, name, "v"):
            lines += [f"    if {condition}:", f"        e.append(({shown}, p, {text!r}))"]
        return lines

    return unit.define(f"b_{name}", build)


def _each(unit: Unit, part: dict[str, Any], variable: str, path: str, shown: str, prefix: str) -> Lines:
    """Tests for the elements of a list or the values of a map."""
    name = part["shape"]
    over_map = prefix.startswith("Map")
    kind = unit.shapes[name]["type"]
    if kind in ("structure", "list", "map"):
        if not _constrained(unit, name):
            return []
        check = _structure(unit, name) if kind == "structure" else _nested(unit, name)
        pairs = f"{variable}.items()" if over_map else f"enumerate({variable}, 1)"
        end = "." if kind == "structure" else ""
        return [f"for i, x in {pairs}:", f"    {check}(x, {path} + f'.{{i}}.member{end}', e)"]
    conditions = [condition for condition, _ in _conditions(unit, name, "x")]
    if not conditions:
        return []
    text = prefix + _joined(unit, name)
    values = f"{variable}.values()" if over_map else variable
    return [f"if any({' or '.join(conditions)} for x in {values}):", f"    e.append(({shown}, {path}, {text!r}))"]


def _nested(unit: Unit, name: str) -> str:
    """The check of a list or map inside a list or map."""

    def build() -> Lines:
        return [f"def c_{name}(v, p, e):", *rest.indent(_tests(unit, {"shape": name}, "v", "p") or ["pass"], 4)]

    return unit.define(f"c_{name}", build)


def _joined(unit: Unit, name: str) -> str:
    return "[" + ", ".join(text for _, text in _conditions(unit, name, "x")) + "]"


def _conditions(unit: Unit, name: str, variable: str) -> list[tuple[str, str]]:
    """Pairs of an expression that is true where a value breaks a constraint, and AWS's words for the constraint."""
    shape = unit.shapes[name]
    kind = shape["type"]
    found = []
    if unit.service not in quirks.SCHEMA_ONLY:
        found += _bounds(shape, kind, variable)
        if "pattern" in shape and kind == "string":
            matcher = unit.constant(f"R_{name}", f"pattern({shape['pattern']!r}, {shape.get('max')!r})")
            found.append(
                (f"not {matcher}({variable})", f"Member must satisfy regular expression pattern: {shape['pattern']}")
            )
    if "enum" in shape and name not in quirks.UNCHECKED_ENUMS:
        values = unit.constant(f"E_{name}", f"frozenset({shape['enum']!r})")
        found.append(
            (f"{variable} not in {values}", f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]")
        )
    return found


def _bounds(shape: dict[str, Any], kind: str, variable: str) -> list[tuple[str, str]]:
    if kind in _NUMERIC:
        measure, noun = variable, "value"
    elif kind in _TEXTUAL or kind in ("list", "map"):
        measure, noun = f"len({variable})", "length"
    else:
        return []
    found = []
    if "max" in shape:
        found.append((f"{measure} > {shape['max']}", f"Member must have {noun} less than or equal to {shape['max']}"))
    if shape.get("min") or (kind in _NUMERIC and "min" in shape):
        found.append(
            (f"{measure} < {shape['min']}", f"Member must have {noun} greater than or equal to {shape['min']}")
        )
    return found


# ------------------------------------------------------------------------------------------------- called by generated code


class Hidden:
    """Stands for a value that messages must not repeat."""


HIDDEN = Hidden()


class Pattern:
    """A Java pattern as a predicate: compiled at first use, true where Python cannot tell in bounded time."""

    __slots__ = ("_limit", "_matches", "_text")

    def __init__(self, text: str, longest: int | None) -> None:
        self._text = text
        self._limit = _limit(text, longest)
        self._matches: Any = None

    def __call__(self, value: str) -> bool:
        if len(value) > self._limit:
            return True
        if self._matches is None:
            self._matches = _compiled(self._text)
        return self._matches(value) is not None


def _compiled(text: str) -> Any:
    if "&&" in text or "[[" in text:
        return _always
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(text, re.ASCII).fullmatch
    except (re.error, RecursionError, OverflowError, Warning):
        return _always


def _always(_value: str) -> bool:
    return True


def _limit(text: str, longest: int | None) -> int:
    """The longest value that a pattern may be tried on: the more its repetitions can overlap, the shorter."""
    repeats, nested = _repetitions(text)
    if nested:
        return _NESTED_LIMIT
    bound = 65536 if repeats < 2 else 2048 if repeats == 2 else 512 if repeats == 3 else 256
    return min(bound, longest) if longest is not None else bound


def _repetitions(text: str) -> tuple[int, bool]:
    """How many unbounded repetitions a pattern has, and whether one lies inside another."""
    total = 0
    nested = False
    groups = [0]
    closed = 0
    for part in re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[()*+|]|[^\\]", text, re.DOTALL):
        if part == "(":
            groups.append(0)
        elif part == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] += closed
            continue
        elif part in ("*", "+") or (part[0] == "{" and len(part) > 1 and _wide(part)):
            total += 1
            nested = nested or closed > 0
            groups[-1] += 1
        closed = 0
    return total, nested


def _wide(repeat: str) -> bool:
    low, comma, high = repeat[1:-1].partition(",")
    return bool(comma) and (not high or int(high) - int(low) > 10)


@lru_cache(4096)
def pattern(text: str, longest: int | None) -> Pattern:
    """The predicate for a pattern whose values are at most `longest` characters."""
    return Pattern(text, longest)


def message(breaches: list[tuple[Any, str, str]]) -> str:
    """AWS's combined message for a list of (value, path, constraint)."""
    count = len(breaches)
    listed = "; ".join(
        f"Value {_show(value)}at '{path}' failed to satisfy constraint: {text}" for value, path, text in breaches[:10]
    )
    return f"{count} validation error{'' if count == 1 else 's'} detected: {listed}"


def _show(value: Any) -> str:
    if value is HIDDEN:
        return ""
    return "null " if value is None else f"'{_java(value)[:_SHOWN]}' "


def _java(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, list):
        return "[" + ", ".join(_java(item) for item in value[:100]) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in list(value.items())[:100]) + "}"
    return str(value)
