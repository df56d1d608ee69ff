"""Which operation a REST request names: a trie over raw path segments, and S3's table of subresources.

Paths are split before they are decoded, so that an encoded slash stays part of its label. Both tables are built from a
service's model at its first request.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from cumulet.base.errors import AwsError
from cumulet.wire import models

Query = dict[str, str | list[str]]

_REMEMBERED = 256  # the longest path, in characters, whose operation is kept for the next request


def decode(text: str) -> str:
    """Percent-decoded UTF-8. `+` stays. Raises ValueError for bytes that are no UTF-8."""
    raw = text.encode("latin-1")
    if b"%" not in raw:
        return raw.decode()
    first, *rest = raw.split(b"%")
    out = [first]
    for part in rest:
        byte = _HEX.get(part[:2])
        out.append(b"%" + part if byte is None else byte + part[2:])
    return b"".join(out).decode()


_DIGITS = "0123456789abcdefABCDEF"
_HEX = {(a + b).encode(): bytes([int(a + b, 16)]) for a in _DIGITS for b in _DIGITS}


def parse_query(text: str, most: int = 20_000) -> Query:
    """The parameters of a query string or form: `+` is a space, a repeated name gives a list.

    Raises ValueError for bytes that are no UTF-8 and for more than `most` parameters.
    """
    found: Query = {}
    if not text:
        return found
    pairs = text.split("&", most)
    if len(pairs) > most:
        raise ValueError("too many parameters")
    plain = "%" not in text and "+" not in text and text.isascii()
    for pair in pairs:
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if not plain:
            if "%" in name or "+" in name or not name.isascii():
                name = decode(name.replace("+", " "))
            if "%" in value or "+" in value or not value.isascii():
                value = decode(value.replace("+", " "))
        held = found.get(name)
        if held is None:
            found[name] = value
        elif type(held) is list:
            held.append(value)
        else:
            found[name] = [held, value]  # type: ignore[list-item]
    return found


class _Leaf(NamedTuple):
    literal: tuple[tuple[str, str], ...]
    needed: tuple[str, ...]
    operation: str
    labels: tuple[str, ...]


class _Node:
    """A place in the trie. Fixed segments win over a label, a label over a greedy one."""

    __slots__ = ("greedy", "label", "leaves", "names")

    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.leaves: dict[str, list[_Leaf]] = {}


@lru_cache(None)
def _trie(service: str) -> _Node:
    model = models.load(service)
    root = _Node()
    for name, operation in model.operations.items():
        path, _, literal = operation["http"]["requestUri"].partition("?")
        node = root
        labels = []
        for segment in _segments(path):
            if segment.startswith("{"):
                labels.append(segment.strip("{}").rstrip("+"))
                if segment.endswith("+}"):
                    node.greedy = node = node.greedy or _Node()
                else:
                    node.label = node = node.label or _Node()
            else:
                node = node.names.setdefault(segment, _Node())
        pairs = tuple((key, value) for key, _, value in (part.partition("=") for part in literal.split("&")) if key)
        leaf = _Leaf(pairs, _needed_query(model, operation), name, tuple(labels))
        leaves = node.leaves.setdefault(operation["http"]["method"], [])
        leaves.append(leaf)
        leaves.sort(key=lambda leaf: -len(leaf.literal) - len(leaf.needed))
    return root


def _needed_query(model: models.Model, operation: dict[str, Any]) -> tuple[str, ...]:
    """The query parameters that an operation cannot do without."""
    shape = model.shapes.get((operation.get("input") or {}).get("shape", ""), {})
    return tuple(
        member.get("locationName", name)
        for name, member in shape.get("members", {}).items()
        if member.get("location") == "querystring" and name in shape.get("required", ())
    )


def _segments(path: str) -> list[str]:
    parts = path.split("/")[1:]
    if parts and parts[-1] == "":
        parts.pop()
    return parts


def find(service: str, method: str, path: str, query: Query) -> tuple[str, dict[str, str]] | None:
    """The operation and its decoded labels. Raises ValueError where a label is no UTF-8."""
    if not query and len(path) <= _REMEMBERED:
        return _find_plain(service, method, path)
    return _find(service, method, path, query)


@lru_cache(2048)
def _find_plain(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """Clients ask for the same few paths again and again. Nobody writes to a claim's labels, so they may be shared."""
    return _find(service, method, path, {})


def _find(service: str, method: str, path: str, query: Query) -> tuple[str, dict[str, str]] | None:
    found = _descend(_trie(service), _segments(path), 0, (), method, query)
    if found is None:
        return None
    leaf, raw = found
    return leaf.operation, {name: decode(value) for name, value in zip(leaf.labels, raw, strict=True)}


def _descend(
    node: _Node, segments: list[str], at: int, raw: tuple[str, ...], method: str, query: Query
) -> tuple[_Leaf, tuple[str, ...]] | None:
    if at == len(segments):
        leaf = _choose(node.leaves.get(method, ()), query)
        return None if leaf is None else (leaf, raw)
    segment = segments[at]
    fixed = node.names.get(segment)
    if fixed is not None:
        found = _descend(fixed, segments, at + 1, raw, method, query)
        if found is not None:
            return found
    if node.label is not None and segment:
        found = _descend(node.label, segments, at + 1, (*raw, segment), method, query)
        if found is not None:
            return found
    if node.greedy is not None:
        return _descend(node.greedy, segments, len(segments), (*raw, "/".join(segments[at:])), method, query)
    return None


def _choose(leaves: list[_Leaf] | tuple[()], query: Query) -> _Leaf | None:
    """The operation whose literal query is there; among those, one whose needed parameters are too, else the plainest."""
    fitting = [
        leaf
        for leaf in leaves
        if all(key in query and (not value or query[key] == value) for key, value in leaf.literal)
    ]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    for leaf in fitting:
        if all(key in query for key in leaf.needed):
            return leaf
    return fitting[-1]


# ------------------------------------------------------------------------------------------------------------------ S3

_COPY = "x-amz-copy-source"
_SERVICE, _BUCKET, _KEY = 0, 1, 2
_NOT_CLAIMED = frozenset({"ListDirectoryBuckets", "WriteGetObjectResponse"})


class _Level:
    """The operations of one method on the service, a bucket or a key."""

    __slots__ = ("copy", "plain", "subresources")

    def __init__(self) -> None:
        self.plain: str | None = None
        self.copy: str | None = None
        self.subresources: dict[str, list[tuple[tuple[str, ...], bool, str]]] = {}


@lru_cache(1)
def _levels() -> dict[tuple[str, int], _Level]:
    """Operations by method and level. A subresource is the first literal or needed query key of an operation."""
    model = models.load("s3")
    levels: dict[tuple[str, int], _Level] = {}
    for name, operation in model.operations.items():
        if operation.get("deprecated") or name in _NOT_CLAIMED:
            continue
        path, _, literal = operation["http"]["requestUri"].partition("?")
        reach = _KEY if "{Key" in path else _BUCKET if "{Bucket" in path else _SERVICE
        level = levels.setdefault((operation["http"]["method"], reach), _Level())
        keys = [part.partition("=")[0] for part in literal.split("&") if part]
        keys += [key for key in _needed_query(model, operation) if key not in keys]
        copies = name.endswith("Copy") or name == "CopyObject"
        if keys:
            for key in keys[:1] if literal else keys:
                level.subresources.setdefault(key, []).append((tuple(keys), copies, name))
        elif copies:
            level.copy = name
        else:
            level.plain = name
    for level in levels.values():
        for choices in level.subresources.values():
            choices.sort(key=lambda choice: (-len(choice[0]), not choice[1]))
    return levels


def find_s3(method: str, bucket: str, key: str, query: Query, headers: dict[str, str]) -> str | None:
    """The S3 operation that a request names; None where its method is not allowed there."""
    reach = _KEY if key else _BUCKET if bucket else _SERVICE
    level = _levels().get((method, reach))
    if level is None:
        return None
    if query:
        subresources = level.subresources
        best: tuple[tuple[str, ...], bool, str] | None = None
        for name in query:
            for choice in subresources.get(name, ()):
                keys, copies, _ = choice
                if copies and _COPY not in headers:
                    continue
                if (best is None or len(keys) > len(best[0])) and all(needed in query for needed in keys):
                    best = choice
        if best is not None:
            return best[2]
    if level.copy is not None and _COPY in headers:
        return level.copy
    return level.plain


def s3_post(bucket: str, key: str, content_type: str) -> str:
    """A form posted to a bucket. AwsError for any other POST that names no subresource."""
    if bucket and not key:
        if content_type.startswith("multipart/form-data"):
            return "PostObject"
        raise AwsError(
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
            412,
            members={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
        )
    raise AwsError(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        405,
        members={"Method": "POST", "ResourceType": "OBJECT" if key else "SERVICE"},
    )
