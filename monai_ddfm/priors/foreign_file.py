# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a file is that should have been weights: said of the kinds that people get by mistake."""

from __future__ import annotations

from pathlib import Path

__all__ = ["mistaken_for"]

_LOOKED_AT = 512  # bytes
_KINDS = (  # how it begins, what it is and what to do
    (b"version https://git-lfs", "it is a pointer of Git LFS, not the file itself; fetch that with git lfs pull"),
    (b"<!doctype html", "it is a web page; download the file itself, not the page that shows it"),
    (b"<html", "it is a web page; download the file itself, not the page that shows it"),
    (b"\x1f\x8b", "it is packed; unpack it with gunzip"),
    (b"\x08", "it is ONNX or another protocol buffer; give the checkpoint that it was exported from"),
)


def mistaken_for(path: Path) -> str | None:
    """Return what a file is, if its first bytes tell, and what to do; None if they do not."""
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    if not begin:
        return "it is empty; copy or download it again"
    return next((said for start, said in _KINDS if begin.lstrip().lower().startswith(start)), None)
