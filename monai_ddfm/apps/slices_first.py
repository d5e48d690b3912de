# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes as MONAI Deploy and 3D Slicer hold them: slices first, with an affine from (column, row, slice) to RAS."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import ArrayLike, NDArray

__all__ = ["slices_first", "volume_of"]


def volume_of(voxels: ArrayLike, affine: ArrayLike | None, name: str = "image") -> MetaTensor:
    """Return slices ``[D, H, W]`` as the volume ``[1, W, H, D]`` that the transforms take.

    Args:
        voxels: slice, row, column.
        affine: ``[4, 4]`` from (column, row, slice) to mm in RAS.
        name: for messages.

    Raises:
        ValueError: another number of dimensions, or no affine: a volume must say where it lies.
    """
    array = np.asarray(voxels)
    if array.ndim != 3:
        raise ValueError(f"{name}: expected slices [D, H, W], found {array.ndim} dimensions; choose one grey volume")
    matrix = None if affine is None else np.asarray(affine, dtype=np.float64)
    if matrix is None or matrix.shape != (4, 4):
        raise ValueError(f"{name}: has no affine of 4 x 4 numbers, so that nobody knows where it lies")
    columns_first = np.ascontiguousarray(array.transpose(2, 1, 0), dtype=np.float32)
    return MetaTensor(torch.from_numpy(columns_first)[None], affine=torch.from_numpy(matrix.copy()))


def slices_first(volume: torch.Tensor) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a volume ``[1, W, H, D]`` as slices ``[D, H, W]`` and its affine ``[4, 4]``; undoes `volume_of`."""
    affine: Any = volume.affine if isinstance(volume, MetaTensor) else torch.eye(4)
    voxels = volume.detach().cpu().as_subclass(torch.Tensor)[0].numpy().transpose(2, 1, 0)
    return np.ascontiguousarray(voxels, dtype=np.float32), affine.detach().cpu().double().numpy()
