# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Decoding the pixels of slices, each with its own rescale slope and intercept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_modality_lut, get_decoder
from pydicom.uid import UID

from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.read.mosaic import split_tiles, tiles_of
from monai_ddfm.dicom.read.pixel_size import check_size, decoded_bytes
from monai_ddfm.dicom.read.rescale import rescale_of
from monai_ddfm.dicom.read.slices import Slice
from monai_ddfm.io.memory import require_memory

__all__ = ["check_decodable", "read_pixels"]

SINGLE_CHANNEL = ("MONOCHROME1", "MONOCHROME2")
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
ROW_BLOCK = 16


def check_decodable(one: Slice) -> None:
    """Refuse, before any pixel is read, what can never become a source.

    Raises:
        ValueError: the image is in colour, or its transfer syntax is unknown.
        ImportError: the pixels are compressed and no installed package decodes them; the message names the packages.
    """
    header = one.instance.header
    photometric = str(header.get("PhotometricInterpretation", ""))
    if photometric not in SINGLE_CHANNEL:
        raise ValueError(
            f"{one.instance.path} has PhotometricInterpretation {photometric or '(none)'}: "
            f"a source must be {' or '.join(SINGLE_CHANNEL)}, a colour image holds no measured value"
        )
    syntax = UID(header.file_meta.get("TransferSyntaxUID", ""))
    if not syntax.is_transfer_syntax:
        raise ValueError(f"{one.instance.path}: {syntax} is no transfer syntax; export the series again")
    if not syntax.is_compressed or syntax.is_deflated:
        return
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise ValueError(f"{one.instance.path} has transfer syntax {syntax.name}, which is not supported") from error
    if not decoder.is_available:
        missing = "; ".join(decoder.missing_dependencies)
        raise ImportError(
            f"{one.instance.path} is compressed with {syntax.name} and no installed package decodes it. "
            f"Install pip install 'monai-ddfm[dicom]', or one of these ({missing})"
        )


def read_pixels(ordered: Sequence[Slice]) -> NDArray[np.float32]:
    """Decode slices into one volume of modality values: stored value x RescaleSlope + RescaleIntercept, per slice.

    Padding (PixelPaddingValue, to PixelPaddingRangeLimit) gets the lowest value of the measured pixels of its slice.

    Args:
        ordered: the slices in volume order.

    Returns:
        ``[columns, rows, slices]`` float32.

    Raises:
        ValueError: a file has no pixel data, or they are truncated or corrupt; the file is named.
    """
    for one in {one.instance.path: one for one in ordered}.values():
        check_decodable(one)
        check_size(one.instance)
    _require_memory(ordered)
    rescale = rescale_of(ordered)
    first = ordered[0]
    volume = np.empty((len(ordered), int(first.attribute("Rows")), int(first.attribute("Columns"))), dtype=np.float32)
    numbered = sorted(enumerate(ordered), key=lambda item: item[1].instance.path)
    if any(one.attribute("PhotometricInterpretation") == "MONOCHROME1" for one in ordered):
        warnings.warn(
            "the series is MONOCHROME1 (low values shown bright); its values are used as stored", stacklevel=2
        )
    for path, group in groupby(numbered, key=lambda item: item[1].instance.path):
        members = list(group)
        frames = _decode(path)
        if members[0][1].tile is not None:
            frames = split_tiles(frames[0], *tiles_of(members[0][1].instance.header, path))
        for k, one in members:
            stored = frames[(one.frame_number or one.tile or 1) - 1]
            volume[k] = _modality_values(stored, one, *rescale[k])
    return _columns_first(volume)


def _require_memory(ordered: Sequence[Slice]) -> None:
    """Refuse a series that does not fit: the volume, its copy with the columns first, and the largest file decoded."""
    first = ordered[0]
    volume = len(ordered) * int(first.attribute("Rows")) * int(first.attribute("Columns")) * 4
    decoded = max(decoded_bytes(one.instance.header) for one in ordered)
    require_memory(2 * volume + 2 * decoded, f"reading {first.name} and the {len(ordered) - 1} other slices")


def _columns_first(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn ``[slices, rows, columns]`` into contiguous ``[columns, rows, slices]``."""
    count, rows, columns = volume.shape
    turned = np.empty((columns, rows, count), dtype=volume.dtype)
    for row in range(0, rows, ROW_BLOCK):  # in blocks that fit the cache: six times faster than in one go
        turned[:, row : row + ROW_BLOCK] = volume[:, row : row + ROW_BLOCK].transpose(2, 1, 0)
    return turned


def _decode(path: str) -> NDArray[np.generic]:
    """Return the stored values of all frames of a file ``[frames, rows, columns]``."""
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


def _modality_values(stored: NDArray[np.generic], one: Slice, slope: float, intercept: float) -> NDArray[np.float32]:
    """Apply the slice's own rescale (or modality look-up table), and take the padding out."""
    if "ModalityLUTSequence" in one.instance.header:
        return apply_modality_lut(stored, one.instance.header).astype(np.float32)
    values = stored.astype(np.float32)
    padding = _padding(stored, one.instance.header)
    if padding is not None and padding.any() and not padding.all():
        values[padding] = values[~padding].min()
    return values * np.float32(slope) + np.float32(intercept)


def _padding(stored: NDArray[np.generic], header: FileDataset) -> NDArray[np.bool_] | None:
    """Say which pixels lie outside the measured field (PS3.3 C.7.5.1.1.2), None when the header names no padding."""
    value = header.get("PixelPaddingValue")
    if value is None:
        return None
    limit = header.get("PixelPaddingRangeLimit", value)
    return (stored >= min(value, limit)) & (stored <= max(value, limit))
