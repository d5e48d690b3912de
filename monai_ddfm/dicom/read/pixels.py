# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Decoding the pixels of slices, each with its own rescale slope and intercept."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_modality_lut, get_decoder
from pydicom.uid import UID
from torch import Tensor

from monai_ddfm.dicom.read.decoding_processes import decoded_files
from monai_ddfm.dicom.read.mosaic import split_tiles, tiles_of
from monai_ddfm.dicom.read.pixel_size import check_size, decoded_bytes
from monai_ddfm.dicom.read.rescale import rescale_of
from monai_ddfm.dicom.read.slices import Slice
from monai_ddfm.io.memory import require_memory

__all__ = ["check_decodable", "read_pixels"]

SINGLE_CHANNEL = ("MONOCHROME1", "MONOCHROME2")
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
    volume = torch.empty(len(ordered), int(first.attribute("Rows")), int(first.attribute("Columns")))
    slices = volume.numpy()  # torch's memory: numpy asks the kernel for huge pages, which it may have to make first
    numbered = sorted(enumerate(ordered), key=lambda item: item[1].instance.path)
    if any(one.attribute("PhotometricInterpretation") == "MONOCHROME1" for one in ordered):
        warnings.warn(
            "the series is MONOCHROME1 (low values shown bright); its values are used as stored", stacklevel=2
        )
    files = [list(group) for _, group in groupby(numbered, key=lambda item: item[1].instance.path)]
    for members, frames in zip(files, decoded_files([members[0][1].instance for members in files]), strict=True):
        if members[0][1].tile is not None:
            frames = split_tiles(frames[0], *tiles_of(members[0][1].instance.header, members[0][1].instance.path))
        for k, one in members:
            stored = frames[(one.frame_number or one.tile or 1) - 1]
            slices[k] = _modality_values(stored, one, *rescale[k])
    return _columns_first(volume)


def _require_memory(ordered: Sequence[Slice]) -> None:
    """Refuse a series that does not fit: the volume, its copy with the columns first, and the largest file decoded."""
    first = ordered[0]
    volume = len(ordered) * int(first.attribute("Rows")) * int(first.attribute("Columns")) * 4
    decoded = max(decoded_bytes(one.instance.header) for one in ordered)
    require_memory(2 * volume + 2 * decoded, f"reading {first.name} and the {len(ordered) - 1} other slices")


def _columns_first(volume: Tensor) -> NDArray[np.float32]:
    """Turn ``[slices, rows, columns]`` into contiguous ``[columns, rows, slices]``."""
    turned = volume.new_empty(volume.shape[::-1])
    for some, turned_some in zip(volume.split(ROW_BLOCK, dim=1), turned.split(ROW_BLOCK, dim=1), strict=True):
        turned_some.copy_(some.permute(2, 1, 0))  # in blocks that fit the cache
    return turned.numpy()


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
