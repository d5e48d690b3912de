# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Mosaics: all slices of a volume as tiles of one image, as Siemens and United Imaging write functional MR."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

__all__ = ["is_mosaic", "split_tiles", "tile_positions", "tiles_of"]

_SIEMENS_COUNT = (0x0019, 0x100A)
_SIEMENS_CSA = (0x0029, 0x1010)
_UIH_COUNT = (0x0065, 0x1050)
_UIH_FRAMES = (0x0065, 0x1051)  # MRVFrameSequence: an item with its own position for every tile


def is_mosaic(header: Dataset) -> bool:
    """Whether an image is a mosaic."""
    kinds = [str(kind).upper() for kind in header.get("ImageType") or []]
    return "MOSAIC" in kinds or _private_number(header, _UIH_COUNT) > 1


def tiles_of(header: Dataset, path: str) -> tuple[int, int]:
    """Return how many tiles a mosaic holds, and how many stand side by side.

    Raises:
        ValueError: the header does not say, or the image cannot be cut so.
    """
    count = _private_number(header, _SIEMENS_COUNT) or _private_number(header, _UIH_COUNT)
    count = count or int(_csa(header, "NumberOfImagesInMosaic", 0))
    if count < 1:
        raise ValueError(f"{path} is a mosaic that does not say of how many slices: export it with its private tags")
    side = math.ceil(math.sqrt(count))
    if int(header.Rows) % side or int(header.Columns) % side:
        raise ValueError(
            f"{path} is a mosaic of {count} slices, but {header.Rows} x {header.Columns} pixels cannot be cut into "
            f"{side} x {side} tiles; export it again"
        )
    return count, side


def split_tiles(image: NDArray[Any], count: int, side: int) -> NDArray[Any]:
    """Cut a mosaic ``[rows, columns]`` into its tiles ``[count, rows / side, columns / side]``."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    return image.reshape(side, rows, side, columns).swapaxes(1, 2).reshape(side * side, rows, columns)[:count]


def tile_positions(
    header: Dataset,
    path: str,
    position: NDArray[np.float64],
    orientation: NDArray[np.float64],
    pixel_spacing: tuple[float, float],
) -> list[NDArray[np.float64]]:
    """Return ImagePositionPatient of every tile, mm, LPS.

    Siemens gives the corner that an image of the mosaic's size would have about the slices' common centre; the first
    tile's own lies half the difference in size further in, and the others follow along the normal of its CSA header.
    United Imaging gives every tile's own.

    Raises:
        ValueError: the header does not say where the tiles lie.
    """
    count, side = tiles_of(header, path)
    own = [item.get("ImagePositionPatient") for item in _private(header, _UIH_FRAMES) or []]
    if len(own) == count and all(own):
        return [np.asarray(one, dtype=np.float64) for one in own]
    spacing = header.get("SpacingBetweenSlices")
    normal = _csa(header, "SliceNormalVector", None)
    if _private_number(header, _UIH_COUNT) or not spacing or normal is None:
        raise ValueError(
            f"{path} is a mosaic that does not say where its slices lie (SpacingBetweenSlices and Siemens' CSA header, "
            "or United Imaging's frame sequence): export it with its private tags, or as single slices"
        )
    size = np.array([float(header.Columns), float(header.Rows)])
    inwards = (size - size / side) / 2 * [pixel_spacing[1], pixel_spacing[0]]
    first = position + inwards @ orientation
    return [first + float(spacing) * k * np.asarray(normal, dtype=np.float64) for k in range(count)]


def _private(header: Dataset, tag: tuple[int, int]) -> Any:
    return header[tag].value if tag in header else None


def _private_number(header: Dataset, tag: tuple[int, int]) -> int:
    value = _private(header, tag)
    try:
        return int(float(value)) if value is not None else 0
    except (TypeError, ValueError):
        return 0


def _csa(header: Dataset, name: str, default: Any) -> Any:
    """Return a value of Siemens' CSA image header (0029,1010): a number, or three of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns on import that nibabel's readers of DICOM are experimental
        from nibabel.nicom import csareader
    content = _private(header, _SIEMENS_CSA)
    if not isinstance(content, bytes):
        return default
    try:
        items = csareader.read(content)["tags"][name]["items"]
    except Exception:  # whatever broken bytes lead to; the header then says nothing
        return default
    if not items:
        return default
    return items[0] if len(items) == 1 else [float(item) for item in items[:3]]
