"""REST with XML bodies: S3. What only S3 does is in `quirks`."""

from __future__ import annotations

from cumulet.wire import quirks, rest, xml
from cumulet.wire.unit import Lines, Unit


def generate(unit: Unit) -> None:
    """`parse` and `reply` of the rest-xml protocol."""
    unit.define("parse", lambda: _parse(unit))
    unit.define("reply", lambda: _reply(unit))


def _parse(unit: Unit) -> Lines:
    binding = rest.binding(unit)
    body = _body(unit)
    lines = ["def parse(request, claim, body):", "    r = {}"]
    if binding:
        lines += [
            "    k = v = ''",
            "    try:",
            *rest.indent(binding, 8),
            "    except BadValueError:",
            "        raise bad_argument(k, v) from None",
        ]
    if body:
        lines += [
            "    try:",
            *rest.indent(body, 8),
            "    except BadValueError:",
            "        raise malformed_xml() from None",
        ]
    return [*lines, "    return r"]


def _body(unit: Unit) -> Lines:
    member = rest.payload(unit, unit.input)
    if member is None:
        members = rest.body_members(unit, unit.input)
        if not members or unit.input is None:
            return []
        return ["if body:", f"    r.update({xml.structure_reader(unit, unit.input, members)}(read(body)))"]
    reference = unit.members(unit.input)[member]
    if unit.stream(unit.input) == member:
        return [f"r[{member!r}] = request.body"]
    kind = unit.kind(reference)
    if kind == "blob":
        return ["if body:", f"    r[{member!r}] = body"]
    if kind == "string":
        return ["if body:", f"    r[{member!r}] = text_payload(body)"]
    root = reference.get("locationName", member)
    return [
        "if body:",
        "    e = read(body)",
        f"    if e.tag.rpartition('}}')[2] != {root!r}:",
        "        raise BadValueError('')",
        f"    r[{member!r}] = {xml.structure_reader(unit, reference['shape'])}(e)",
    ]


def _reply(unit: Unit) -> Lines:
    lines, _ = rest.heading(unit)
    ids = "('x-amz-request-id', request_id), ('x-amz-id-2', HOST_ID)"
    return [
        "def reply(result, request_id):",
        f"    headers = [{ids}]",
        f"    status = {rest.status(unit)}",
        *rest.indent([*lines, *_reply_body(unit)], 4),
        "    return Response(status, headers, body)",
    ]


def _reply_body(unit: Unit) -> Lines:
    """Statements that set `body` and append its type to `headers`."""
    typed = "headers.append(('Content-Type', 'application/xml'))"
    text_member = quirks.TEXT_ROOT.get((unit.service, unit.name))
    if text_member:
        start = f'{xml.DECLARATION}<{text_member} xmlns="{quirks.S3_NAMESPACE}">'
        return [
            typed,
            f"v = escape(result.get({text_member!r}) or '')",
            f"body = ({start!r} + v + {f'</{text_member}>'!r}).encode()",
        ]
    member = rest.payload(unit, unit.output)
    if member is not None:
        reference = unit.members(unit.output)[member]
        if unit.kind(reference) in ("blob", "string") or unit.stream(unit.output) == member:
            return [f"body = {rest.stream_value(unit, member)}"]
        root = reference.get("locationName", member)
        return [
            typed,
            *_document(root),
            f"{xml.structure_writer(unit, reference['shape'])}(result.get({member!r}) or {{}}, a)",
            *_finish(root),
        ]
    if unit.output is None or not rest.body_members(unit, unit.output):
        return ["body = b''"]
    root = quirks.ROOT_ELEMENTS.get((unit.service, unit.name), f"{unit.name}Result")
    return [typed, *_document(root), f"{xml.structure_writer(unit, unit.output)}(result, a)", *_finish(root)]


def _document(root: str) -> Lines:
    start = f'{xml.DECLARATION}<{root} xmlns="{quirks.S3_NAMESPACE}">'
    return [f"o = [{start!r}]", "a = o.append"]


def _finish(root: str) -> Lines:
    return [f"a({f'</{root}>'!r})", "body = ''.join(o).encode()"]
