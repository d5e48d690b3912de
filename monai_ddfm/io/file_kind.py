# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a file is by its first bytes, for messages about files that are something else than their names say."""

from __future__ import annotations

__all__ = ["BEGINNING_BYTES", "JPEG", "PNG", "file_kind"]

PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
BEGINNING_BYTES = 132
"""How many bytes `file_kind` looks at."""

_SIGNS = (
    (0, PNG, "a PNG"),
    (0, JPEG, "a JPEG"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"GIF8", "a GIF"),
    (0, b"BM", "a BMP"),
    (8, b"WEBP", "a WebP"),
    (4, b"jP  ", "a JPEG 2000"),
    (4, b"ftyp", "a HEIC, an AVIF or a film"),
    (0, b"\x1f\x8b", "a file packed by gzip"),
    (0, b"PK\3\4", "a zip"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "PostScript"),
    (128, b"DICM", "DICOM"),
)  # where, what, and whose


def file_kind(beginning: bytes) -> str:
    """Say what a file is that begins so."""
    if not beginning:
        return "an empty file"
    for place, sign, kind in _SIGNS:
        if beginning[place : place + len(sign)] == sign:
            return kind
    if beginning.isascii() and b"\0" not in beginning:
        return "a text or web page"
    return f"a file that begins with {beginning[:4].hex(' ')}"
