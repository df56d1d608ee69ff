"""kill -9 at random moments under load, several times on one directory: what was acknowledged is there, nothing leaks."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from cumulet.store import keys, local

WRITER = """
import asyncio, pathlib, sys
from cumulet.store import local

async def main(path, run):
    kv, blobs = local.open(pathlib.Path(path), delete_delay=0.01)
    await kv.start()
    await blobs.start()
    i = 0

    async def blob(name):
        writer = blobs.create()
        for part in range(3):
            await writer.write(name.encode() * 20000)
        await writer.finish()
        tx = kv.begin()
        blobs.adopt(tx, writer.id)
        tx.put(b"blob/" + name.encode(), writer.id.encode())
        kv.commit(tx)
        print("blob", name, flush=True)
        if hash(name) % 2:
            tx = kv.begin()
            blobs.release(tx, writer.id)
            tx.delete(b"blob/" + name.encode())
            kv.commit(tx)
            print("gone", name, flush=True)

    async def abandoned():
        writer = blobs.create()
        await writer.write(b"x" * 100000)

    while True:
        name = f"{run}-{i}"
        tx = kv.begin()
        tx.put(b"row/" + name.encode(), name.encode() * 50)
        tx.append(b"log/", name.encode())
        kv.commit(tx)
        print("row", name, flush=True)
        if i % 10 == 0:
            await asyncio.gather(blob(name + "a"), blob(name + "b"), abandoned())
        i += 1

asyncio.run(main(*sys.argv[1:]))
"""


def run_and_kill(path: Path, run: int, seconds: float) -> list[tuple[str, str]]:
    """The acknowledgements of a writer that was killed so many seconds after its first one."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    deadline = time.monotonic() + seconds
    lines = [first]
    while time.monotonic() < deadline:
        lines.append(process.stdout.readline())
    process.kill()
    lines += process.stdout.readlines()
    assert process.wait() == -9, process.communicate()[1]
    return [(what, name) for what, _, name in (line.rstrip("\n").partition(" ") for line in lines if line[-1:] == "\n")]


async def check(path: Path, rows: list[str], blobs_kept: set[str], blobs_gone: set[str], kills: int) -> None:
    kv, blobs = local.open(path, delete_delay=0.0)
    await blobs.start()
    tx = kv.begin()
    for name in rows:
        assert tx.get(b"row/" + name.encode()) == name.encode() * 50
    log = [value.decode() for _, value in tx.range(b"log/", b"log0", 10**6)]
    assert len(log) == len(set(log))
    places = {name: place for place, name in enumerate(log)}
    assert [places[name] for name in rows] == sorted(places[name] for name in rows)
    unheard = []
    for name in blobs_kept:
        blob_id = tx.get(b"blob/" + name.encode())
        if blob_id is None:
            unheard.append(name)
            continue
        reader = blobs.open(blob_id.decode())
        data = b"".join([piece async for piece in reader.chunks(0, reader.size)])
        reader.close()
        assert data == name.encode() * 60000
    # Released, and killed between the commit and its acknowledgement: at most the two blobs of one round each time.
    assert len(unheard) <= 2 * kills
    for name in blobs_gone:
        assert tx.get(b"blob/" + name.encode()) is None
    referred = {value.decode() for _, value in tx.range(b"blob/", b"blob0", 10**6)}
    intents = keys.pack(b"blob", "intent")
    assert kv.begin().range(*keys.bounds(intents), 10) == []
    async with asyncio.timeout(10):
        while {file.name for file in (path / "blobs").rglob("*") if file.is_file()} != referred:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await blobs.close()
    await kv.close()


def test_what_was_acknowledged_survives(tmp_path: Path) -> None:
    rows: list[str] = []
    kept: set[str] = set()
    gone: set[str] = set()
    for run in range(6):
        lines = run_and_kill(tmp_path / "data", run, random.uniform(0.02, 0.4))
        rows += [name for what, name in lines if what == "row"]
        gone |= {name for what, name in lines if what == "gone"}
        kept |= {name for what, name in lines if what == "blob"}
        kept -= gone
        if run % 2:
            asyncio.run(check(tmp_path / "data", rows, kept, gone, run + 1))
    assert len(rows) > 100
    assert kept
    assert gone
