# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How many bytes of pixels a header speaks of, and whether the file can hold them; asked before they are read."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import UID

from monai_ddfm.dicom.instance_file import size_of
from monai_ddfm.dicom.read.find_instances import Instance

__all__ = ["check_size", "decoded_bytes"]

_SLACK = 64 << 20  # bytes of a file that need not be pixels
_SMALLEST_RATIO = 5000  # no codec of DICOM packs tighter, not even an empty image


def decoded_bytes(header: Dataset) -> int:
    """Return how many bytes the pixels of all frames are, unpacked."""
    sides = [int(header.get(keyword) or 1) for keyword in ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel")]
    bits = int(header.get("BitsAllocated") or (32 if "FloatPixelData" in header else 16))
    return sides[0] * sides[1] * sides[2] * sides[3] * bits // 8


def check_size(instance: Instance) -> None:
    """Refuse a file that is too small, or far too large, for the pixels that its header speaks of.

    Raises:
        ValueError: it is; the message names it.
    """
    header, there = instance.header, size_of(instance.path)
    expected = decoded_bytes(header)
    frames = int(header.get("NumberOfFrames") or 1)
    syntax = UID(header.file_meta.get("TransferSyntaxUID", ""))
    packed = syntax.is_compressed or syntax.is_deflated
    if expected > there * (_SMALLEST_RATIO if packed else 1):
        raise ValueError(
            f"{instance.path}: its header speaks of {header.Rows} x {header.Columns} pixels and {frames} frame(s), "
            f"{expected} bytes, but the file has {there}: truncated, or its header is wrong; fetch it again"
        )
    if not packed and there > 2 * expected + _SLACK:
        raise ValueError(
            f"{instance.path}: holds {there} bytes, its header speaks of {expected} bytes of pixels; export it again"
        )
