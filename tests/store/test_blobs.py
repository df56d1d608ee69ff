"""The life of a blob, for every adapter: intent, bytes, references, deletion, and what a crash leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cumulet.base.errors import StoreError
from cumulet.store.keys import pack


def write(store: Any, *parts: bytes) -> str:
    """The id of a finished blob that nothing refers to yet."""

    async def run() -> str:
        writer = store.blobs.create()
        for part in parts:
            await writer.write(part)
        await writer.finish()
        assert writer.size == sum(map(len, parts))
        return str(writer.id)

    result: str = store.run(run())
    return result


def change(store: Any, *steps: tuple[str, str]) -> None:
    """Adopt, link, release in one transaction."""
    tx = store.kv.begin()
    for what, blob_id in steps:
        getattr(store.blobs, what)(tx, blob_id)
    store.kv.commit(tx)


def read(store: Any, blob_id: str, offset: int = 0, length: int | None = None) -> list[bytes]:
    async def run() -> list[bytes]:
        reader = store.blobs.open(blob_id)
        try:
            return [piece async for piece in reader.chunks(offset, reader.size if length is None else length)]
        finally:
            reader.close()

    result: list[bytes] = store.run(run())
    return result


def there(store: Any, blob_id: str) -> bool:
    try:
        store.blobs.open(blob_id).close()
    except StoreError:
        return False
    return True


def own_rows(store: Any) -> list[bytes]:
    """The store's rows about blobs."""
    space = pack(b"blob")
    return [key for key, _ in store.kv.begin().range(space, space + b"\xff", 1000)]


def files(store: Any) -> list[str]:
    return sorted(path.name for path in (store.directory / "blobs").rglob("*") if path.is_file())


def test_bytes_come_back_in_pieces_of_at_most_a_mebibyte(store: Any) -> None:
    data = os.urandom(1 << 20)
    blob_id = write(store, data[:10], data[10:], data * 3, b"end")
    change(store, ("adopt", blob_id))
    pieces = read(store, blob_id)
    assert b"".join(pieces) == data + data * 3 + b"end"
    assert max(map(len, pieces)) <= 1 << 20
    assert read(store, blob_id, (1 << 20) - 2, 4) == [data[-2:] + data[:2]]
    assert b"".join(read(store, blob_id, (4 << 20) + 1, 100)) == b"nd"
    assert read(store, blob_id, 5 << 20, 10) == []
    assert read(store, write(store)) == []


def test_the_file_goes_after_the_last_reference_and_open_readers_read_on(store: Any) -> None:
    blob_id = write(store, b"x" * 3_000_000)
    change(store, ("adopt", blob_id))
    change(store, ("link", blob_id))
    change(store, ("release", blob_id))
    assert there(store, blob_id)
    reader = store.blobs.open(blob_id)
    change(store, ("release", blob_id))
    store.until(lambda: not there(store, blob_id) and not own_rows(store))

    async def rest() -> int:
        return sum([len(piece) async for piece in reader.chunks(0, reader.size)])

    assert store.run(rest()) == 3_000_000
    reader.close()
    with pytest.raises(StoreError, match="missing"):
        store.blobs.open(blob_id)
    with pytest.raises(StoreError, match="unknown"):
        change(store, ("link", blob_id))


def test_a_reference_taken_while_deletion_waits_saves_the_blob(store: Any) -> None:
    saved, doomed = write(store, b"saved"), write(store, b"doomed")
    change(store, ("adopt", saved), ("adopt", doomed))
    change(store, ("release", saved), ("release", doomed), ("link", saved))
    store.until(lambda: not there(store, doomed))
    assert read(store, saved) == [b"saved"]
    assert len(own_rows(store)) == 1
    with pytest.raises(StoreError, match="once too often"):
        change(store, ("release", saved), ("release", saved))


def test_abort_removes_bytes_and_intent_twice_and_never_an_adopted_blob(store: Any) -> None:
    async def run() -> Any:
        writer = store.blobs.create()
        await writer.write(b"x" * 2_000_000)
        return writer

    writer = store.run(run())
    assert own_rows(store)
    store.run(writer.abort())
    store.run(writer.abort())
    assert not own_rows(store)
    assert not there(store, writer.id)
    with pytest.raises(StoreError, match="cannot be adopted"):
        change(store, ("adopt", writer.id))

    writer = store.run(run())
    store.run(writer.finish())
    change(store, ("adopt", writer.id))
    store.run(writer.abort())
    assert there(store, writer.id)
    with pytest.raises(StoreError, match="cannot be adopted"):
        change(store, ("adopt", writer.id))


def test_a_dropped_transaction_changes_no_reference(store: Any) -> None:
    blob_id = write(store, b"x")
    store.blobs.adopt(store.kv.begin(), blob_id)
    change(store, ("adopt", blob_id))
    store.blobs.release(store.kv.begin(), blob_id)
    change(store, ("link", blob_id))
    change(store, ("release", blob_id), ("release", blob_id))
    store.until(lambda: not own_rows(store))


def test_clear_all_removes_every_blob_and_takes_new_ones(store: Any) -> None:
    old = write(store, b"old")
    change(store, ("adopt", old))
    half = store.blobs.create()
    store.run(store.blobs.clear_all())
    assert not there(store, old)
    assert not own_rows(store)
    store.run(half.abort())
    new = write(store, b"new")
    change(store, ("adopt", new))
    assert read(store, new) == [b"new"]


def test_a_start_sweeps_intents_and_goes_on_deleting(open_store: Any) -> None:
    store = open_store("local")
    kept, unreferenced, released = write(store, b"kept"), write(store, b"unreferenced"), write(store, b"released")
    change(store, ("adopt", kept), ("adopt", released))
    store.run(store.blobs.close())  # nothing is deleted any more
    change(store, ("release", released))
    assert len(files(store)) == 3
    store.run(store.kv.close())
    store.open()
    assert not there(store, unreferenced)
    store.until(lambda: files(store) == [kept])
    store.until(lambda: len(own_rows(store)) == 1)


def test_a_missing_or_shortened_file_is_said_aloud(open_store: Any) -> None:
    store = open_store("local")
    blob_id = write(store, b"0123456789")
    change(store, ("adopt", blob_id))
    path = Path(store.blobs.path(blob_id))
    assert path.stat().st_mode & 0o777 == 0o600
    os.truncate(path, 4)
    with pytest.raises(StoreError, match="damaged: 4 bytes, not 10"):
        store.blobs.open(blob_id)
    path.unlink()
    with pytest.raises(StoreError, match="missing"):
        store.blobs.open(blob_id)


def test_memory_has_no_paths(open_store: Any) -> None:
    store = open_store("memory")
    assert store.blobs.path(write(store, b"x")) is None


def test_no_descriptor_is_left_behind(open_store: Any) -> None:
    store = open_store("local")
    blob_id = write(store, b"x" * 2_000_000)
    change(store, ("adopt", blob_id))
    before = len(os.listdir("/dev/fd"))
    for _ in range(20):
        read(store, blob_id)
        store.run(store.blobs.create().abort())
        store.blobs.open(blob_id)  # forgotten, not closed
        store.blobs.create()
    assert len(os.listdir("/dev/fd")) <= before
