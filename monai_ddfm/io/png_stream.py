# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Does a PNG hold all the pixels that its header tells of? Pillow takes the missing ones for black, without a word."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from monai_ddfm.io.file_kind import PNG

__all__ = ["require_all_pixels"]

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_AT_ONCE = 1 << 20  # bytes


def require_all_pixels(path: str | Path) -> None:
    """Refuse a PNG whose pixels end early; what is wrong otherwise, or no PNG, is left to whoever decodes it.

    Nothing is kept of what is unpacked, nor is more unpacked than the header asks for.

    Raises:
        ValueError: fewer bytes of pixels than the header tells of.
    """
    with Path(path).open("rb") as file:
        if file.read(len(PNG)) != PNG:
            return
        chunks = _chunks(file)
        kind, header = next(chunks, (b"", b""))
        if kind != b"IHDR" or len(header) != 13 or header[9] not in _CHANNELS:
            return
        needed = _bytes_of_pixels(header)
        try:
            found = _unpacked((content for kind, content in chunks if kind == b"IDAT"), needed)
        except zlib.error:
            return
    if found < needed:
        raise ValueError(f"its pixels end after {found} of {needed} bytes")


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        while length and (piece := file.read(min(length, _AT_ONCE))):  # a length may be far beyond the file's end
            yield kind, piece
            length -= len(piece)
        file.seek(4, 1)  # the checksum, which the decoder looks at


def _bytes_of_pixels(header: bytes) -> int:
    """Bytes of the filtered rows of a picture, of all its passes where it is interlaced."""
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * _CHANNELS[colour] // 8))
    return total


def _unpacked(parts: Iterator[bytes], enough: int) -> int:
    """How many bytes a zlib stream in parts unpacks to, counted no further than `enough`."""
    stream, count = zlib.decompressobj(), 0
    for part in parts:
        found = b"some"
        while (part or len(found) == _AT_ONCE) and count < enough and not stream.eof:
            found = stream.decompress(part, _AT_ONCE)
            count, part = count + len(found), stream.unconsumed_tail
    return count
