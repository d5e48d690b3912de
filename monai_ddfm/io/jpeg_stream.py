# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Does a JPEG hold all the pixels that its header tells of? Its decoder takes the missing ones for grey, silently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from monai_ddfm.io.memory import require_memory

__all__ = ["checkable_jpeg"]

_SEQUENTIAL, _SCAN, _END = (0xC0, 0xC1), 0xDA, b"\xff\xd9"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # headers with a size; the others are tables
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # between a scan's bytes; zeros and restarts belong to it
_PIXELS_OF_BYTE = 8 * 64  # at the most: a bit for each block of 8 x 8
_READ_AHEAD = bytes(8)  # as far as the decoder looks beyond the last block


def checkable_jpeg(path: str | Path) -> bytes:
    """Read a JPEG so that Pillow refuses it where its pixels end early, which an end marker else hides.

    A sequential picture of one scan, as most are, is checked to within a few blocks: its end marker is left out, and
    a decoder that still needs bytes asks for them. Progressive ones are only required to be long enough at all.

    Raises:
        ValueError: so few bytes that they cannot hold its pixels.
        MemoryError: it needs more memory than is free; nothing was read.
    """
    path = Path(path)
    require_memory(path.stat().st_size, f"reading {path}")
    content = path.read_bytes()
    frame = 0
    for marker, place in _segments(content):
        if marker in _FRAMES:
            frame = marker
            height, width = (int.from_bytes(content[place + at : place + at + 2], "big") for at in (5, 7))
            if width * height > _PIXELS_OF_BYTE * len(content):
                raise ValueError(f"its {len(content)} bytes cannot hold the {width} x {height} pixels of its header")
        if marker == _SCAN and frame in _SEQUENTIAL:
            return _without_end(content, place)
    return content


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Each marker and its place, up to the first scan."""
    place, marker = 2, 0
    while marker != _SCAN and place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:  # padding
            place += 1 if marker == 0xFF else 2
            continue
        yield marker, place
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")


def _without_end(content: bytes, scan: int) -> bytes:
    """Cut a picture off behind its only scan; one of several scans stays as it is."""
    behind = _MARKER.search(content, scan + 2)
    return content[: behind.start()] + _READ_AHEAD if behind is not None and behind.group().endswith(_END) else content
