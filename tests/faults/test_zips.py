"""Zip files that want out, or want too much: refused for functions, for their updates and for layers; nothing of them is left."""

from __future__ import annotations

import io
import os
import random
import struct
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

WORKS = "def handler(event, context):\n    import os\n    return sorted(os.listdir('/var/task'))\n"


def made(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def link(name: str, aim: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info, aim.encode()


def overlapping() -> bytes:
    """A thousand names for the same 20 MB of zeros."""
    one = made(("a", bytes(20_000_000)))
    end, start = one.rfind(b"PK\5\6"), one.find(b"PK\1\2")
    table = one[start:end] * 1000
    return one[:start] + table + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1000, 1000, len(table), start, 0)


def encrypted() -> bytes:
    data = bytearray(made(("app.py", b"x" * 100)))
    data[data.find(b"PK\3\4") + 6] |= 1
    data[data.find(b"PK\1\2") + 8] |= 1
    return bytes(data)


CASES: dict[str, Callable[[], bytes]] = {
    "parent": lambda: made(("../evil.py", b"x")),
    "parent-within": lambda: made(("a/../../evil.py", b"x")),
    "absolute": lambda: made(("/tmp/cumulet-evil.py", b"x")),
    "windows": lambda: made(("..\\evil.py", b"x"), ("C:\\evil.py", b"x")),
    "link-absolute": lambda: made(link("app.py", "/etc/passwd")),
    "link-parent": lambda: made(link("a", "../.."), ("a/evil.py", b"x")),
    "link-chain": lambda: made(link("a", "b"), link("b", "..")),
    "through-a-link": lambda: made(link("d", "/tmp"), ("d/cumulet-evil.py", b"x")),
    "bomb": lambda: made(("app.py", b"x"), ("bomb", bytes(270_000_000))),
    "lying-bomb": lambda: made(("a", bytes(9_000_000))).replace(struct.pack("<L", 9_000_000), struct.pack("<L", 10)),
    "overlap-bomb": overlapping,
    "encrypted": encrypted,
    "truncated": lambda: made(("app.py", os.urandom(5000)))[:-30],
    "no-zip": lambda: b"hello world" * 100,
    "nothing": lambda: b"",
    "file-and-directory": lambda: made(("a", b"x"), ("a/b", b"y")),
    "deep": lambda: made(("/".join(["d"] * 1500) + "/x", b"")),
    "long-name": lambda: made(("n" * 300, b"")),
}


def test_none_of_them_is_unpacked(start_cloud: Any, make_function: Any, look: Any) -> None:
    cloud = start_cloud()
    client = make_function(cloud, "works", WORKS)
    role = client.get_function(FunctionName="works")["Configuration"]["Role"]
    code = cloud.directory / "data" / "functions" / "code"
    before = (sorted(os.listdir(code)), look.blobs(cloud.directory / "data"))
    for name, make in CASES.items():
        data = make()
        new = {"FunctionName": "new", "Runtime": "python3.11", "Handler": "app.handler", "Role": role}
        calls: list[tuple[Any, dict[str, Any]]] = [
            (client.create_function, {**new, "Code": {"ZipFile": data}}),
            (client.update_function_code, {"FunctionName": "works", "ZipFile": data}),
            (client.publish_layer_version, {"LayerName": "new", "Content": {"ZipFile": data}}),
        ]
        for call, request in calls:
            with pytest.raises(ClientError) as refused:
                call(**request)
            assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException", (name, refused.value)
    assert (sorted(os.listdir(code)), look.blobs(cloud.directory / "data")) == before
    assert not list(Path("/tmp").glob("cumulet-evil*"))
    assert b"app.py" in client.invoke(FunctionName="works")["Payload"].read()
    assert [f["FunctionName"] for f in client.list_functions()["Functions"]] == ["works"]


def test_damaged_bytes_are_refused_or_harmless(cloud: Any, account: str) -> None:
    client = cloud.client("lambda", account=account)
    seed = made(("app.py", b"x" * 500), ("b/c.py", b"y" * 500), link("l", "app.py"))
    noise = random.Random(7)
    codes: Counter[str] = Counter()
    for _ in range(150):
        data = bytearray(seed)
        for _ in range(noise.randint(1, 4)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        try:
            client.publish_layer_version(LayerName="noise", Content={"ZipFile": bytes(data)})
            codes["fine"] += 1
        except ClientError as err:
            codes[err.response["Error"]["Code"]] += 1
    assert codes.keys() <= {"fine", "InvalidParameterValueException"}
    # Offsets that point before the file.
    at = seed.find(b"PK\1\2")
    bad = seed[: at + 42] + b"\xff\xff\xff\x85" + seed[at + 46 :]
    with pytest.raises(ClientError, match="Could not unzip"):
        client.publish_layer_version(LayerName="noise", Content={"ZipFile": bad})
