"""Records: JSON behind one byte that says the format's version. A newer version is refused, damage is said aloud."""

from __future__ import annotations

from typing import Any

import orjson

from cumulet.base.errors import StoreError

VERSION = 1
_HEAD = bytes([VERSION])


def encode(record: Any) -> bytes:
    """Bytes of a record made of JSON values."""
    return _HEAD + orjson.dumps(record)


def decode(raw: bytes) -> Any:
    """The record in `raw`. Raises StoreError for a newer format and for bytes that are no record."""
    if raw[:1] != _HEAD:
        if raw and raw[0] > VERSION:
            raise StoreError(f"a record of format {raw[0]}: this data was written by a newer Cumulet")
        raise StoreError("a damaged record: its format byte is wrong")
    try:
        return orjson.loads(raw[1:])
    except orjson.JSONDecodeError as err:
        raise StoreError(f"a damaged record: {err}") from err
