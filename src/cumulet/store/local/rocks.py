"""RocksDB through rocksdict: how it is opened, ranged over, and what its errors mean.

Two faults of rocksdict 0.3.29 shape this file, both shown in tests/store/test_local.py: a Snapshot's iterators do not see the snapshot
(an iterator itself does), and `set_iterate_lower_bound` sets the upper bound. And its `items()` takes damage for the end of the data, so
iterators are driven by hand and asked for their status.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rocksdict

from cumulet.base.errors import DiskFull, StoreError

from ..overlay import Pair

_MB = 1 << 20


def rows(cursor: Any, lo: bytes, hi: bytes, limit: int, reverse: bool) -> list[Pair]:
    """The pairs that an iterator finds in [lo, hi). Raises what RocksDB raises for damage."""
    if reverse:
        cursor.seek_for_prev(hi)
        step = cursor.prev
        if cursor.key() == hi:
            step()
    else:
        cursor.seek(lo)
        step = cursor.next
    key_of, value_of = cursor.key, cursor.value
    found: list[Pair] = []
    while (key := key_of()) is not None:
        if key < lo if reverse else key >= hi:
            return found
        found.append((key, value_of()))
        if len(found) == limit:
            return found
        step()
    cursor.status()
    return found


def open_database(path: Path) -> Any:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        return rocksdict.Rdict(str(path), _options())
    except Exception as err:
        text = str(err)
        if "lock hold by" in text or "While lock file" in text:
            raise StoreError(
                f"{path.parent} is in use by another Cumulet: stop it (cumulet stop), or choose another directory with --data"
            ) from err
        raise StoreError(
            f"{path} cannot be opened ({text}): restore it from a copy, or choose another directory"
        ) from err


def _options() -> Any:
    """Small in memory: an idle server is to stay under 50 MB."""
    table = rocksdict.BlockBasedOptions()
    table.set_block_cache(rocksdict.Cache(16 * _MB))
    table.set_bloom_filter(10, False)
    table.set_checksum_type(rocksdict.ChecksumType.xxh3())
    table.set_data_block_index_type(rocksdict.DataBlockIndexType.binary_and_hash())
    table.set_format_version(5)
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_paranoid_checks(True)
    options.set_block_based_table_factory(table)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_write_buffer_size(16 * _MB)
    options.set_max_write_buffer_number(3)
    options.set_max_background_jobs(2)
    options.set_max_open_files(256)
    # Queues leave tombstones behind; files full of them are compacted soon, so that seeks stay cheap.
    options.add_compact_on_deletion_collector_factory(128, 64, 0.5)
    options.set_skip_stats_update_on_db_open(True)
    options.set_stats_dump_period_sec(0)
    options.set_stats_persist_period_sec(0)
    options.set_max_log_file_size(_MB)
    options.set_keep_log_file_num(2)
    return options


def failed(what: str, err: Exception) -> StoreError:
    if isinstance(err, StoreError):
        return err
    if "No space left" in str(err):
        return DiskFull("the disk is full: free some space and try again")
    return StoreError(f"the store could not {what}: {err}")
