"""The width and height of a picture, read from its first bytes, for checks that must not need an imaging library."""

from __future__ import annotations

from typing import BinaryIO


def size(file: BinaryIO) -> tuple[int, int]:
    """(width, height) in pixels of a JPEG or PNG picture; (0, 0) for anything else."""
    head = file.read(24)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[:2] == b"\xff\xd8":
        file.seek(2)
        return _jpeg(file)
    return 0, 0


def _jpeg(file: BinaryIO) -> tuple[int, int]:
    # A JPEG is a row of segments: 0xFF, kind, two bytes of length. Kinds C0 to CF, save three, are frames and say the size.
    while True:
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            return 0, 0
        length = int.from_bytes(file.read(2), "big")
        if 0xC0 <= marker[1] <= 0xCF and marker[1] not in (0xC4, 0xC8, 0xCC):
            frame = file.read(5)
            return int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
        if length < 2:
            return 0, 0
        file.seek(length - 2, 1)
