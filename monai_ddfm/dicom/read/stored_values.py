# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The stored values of one file, decoded; imports neither torch nor MONAI, since processes begin with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from monai_ddfm.dicom.instance_file import read_instance

__all__ = ["stored_values"]

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def stored_values(path: str) -> NDArray[np.generic]:
    """Return the stored values of all frames of a file ``[frames, rows, columns]``.

    Raises:
        ValueError: it has no pixel data, or they are truncated or corrupt; the file is named.
        MemoryError: the file is larger than memory is free.
    """
    dataset = read_instance(path, stop_before_pixels=False)
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        raise ValueError(f"{path} has no pixel data: it is truncated, or its pixels lie elsewhere")
    _check_bits(dataset, path)
    try:
        stored = dataset.pixel_array
    except Exception as error:  # each decoder has its own errors
        raise ValueError(f"{path}: the pixel data are truncated or corrupt ({error}); fetch the file again") from error
    stored = stored if stored.ndim == 3 else stored[None]
    if len(stored) != int(dataset.get("NumberOfFrames") or 1):
        raise ValueError(f"{path} holds {len(stored)} of {dataset.NumberOfFrames} frames; fetch the file again")
    return stored


def _check_bits(dataset: FileDataset, path: str) -> None:
    """Refuse stored values with more bits than BitsStored, whose upper bits would be cut off without a word.

    Only what lies uncompressed in the file is looked at. Overlays of old files are such bits, and rightly cut off.
    """
    allocated, stored = int(dataset.get("BitsAllocated") or 0), int(dataset.get("BitsStored") or 0)
    syntax = UID(dataset.file_meta.get("TransferSyntaxUID", ""))
    if allocated != 16 or not 0 < stored < 16 or "PixelData" not in dataset:
        return
    if (syntax.is_compressed and not syntax.is_deflated) or dataset.get((0x6000, 0x0102)):
        return
    order = "<" if syntax.is_little_endian else ">"
    raw = np.frombuffer(dataset.PixelData, dtype=f"{order}i2", count=len(dataset.PixelData) // 2)
    low, high = int(raw.min(initial=0)), int(raw.max(initial=0))
    fits_unsigned = low >= 0 and high < 1 << stored
    fits_signed = bool(dataset.get("PixelRepresentation")) and low >= -(1 << (stored - 1)) and high < 1 << stored
    if not (fits_unsigned or fits_signed):
        raise ValueError(
            f"{path}: BitsStored is {stored}, but its pixels hold larger values ({low} to {high} as 16 bits): header "
            "or pixels are wrong; export the series again"
        )
