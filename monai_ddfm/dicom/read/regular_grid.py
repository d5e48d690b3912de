# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Resampling a tilted or uneven stack of slices onto a regular, rectangular grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from monai_ddfm.dicom.read.geometry import StackGeometry

__all__ = ["to_regular_grid"]


def to_regular_grid(volume: NDArray[np.float32], geometry: StackGeometry) -> tuple[NDArray[np.float32], StackGeometry]:
    """Resample a stack whose slices are shifted against one another (gantry tilt) or unevenly spaced.

    The slices stay in their planes. Each is shifted within its plane so that all lie over one another (the grid grows
    by the shift), then slices at equal distances are interpolated between the two nearest along the normal: both steps
    linear, which in parallel planes is trilinear interpolation in the patient's space. An even stack keeps its slices'
    positions; an uneven one gets the spacing of its finer part.

    Args:
        volume: ``[columns, rows, slices]``.
        geometry: where its slices lie.

    Returns:
        the volume on the new grid, filled with its own minimum where no slice reaches, and the grid's geometry.
    """
    fill = float(volume.min())
    origin = geometry.in_plane.min(axis=0)
    straightened = _over_one_another(volume - fill, (geometry.in_plane - origin) / np.array(geometry.pixel_spacing))
    if geometry.is_even:
        depths = geometry.depths
        resampled = straightened
    else:
        first, last, step = geometry.depths[0], geometry.depths[-1], geometry.fine_spacing
        # the last slice is kept: round the number of steps, and stretch them to fit
        depths = np.linspace(first, last, max(2, round((last - first) / step) + 1))
        resampled = _between_slices(straightened, geometry.depths, depths)
    in_plane = np.repeat(origin[None], len(depths), axis=0)
    return resampled + np.float32(fill), replace(geometry, in_plane=in_plane, depths=depths)


def _over_one_another(volume: NDArray[np.float32], shifts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Shift slice k by ``shifts[k]`` >= 0 pixels along its row and its column, onto a grid that holds them all."""
    columns, rows, count = volume.shape
    extra = np.ceil(shifts.max(axis=0) - 1e-6).astype(int)
    shifted = np.zeros((columns + extra[0], rows + extra[1], count), dtype=np.float32)
    for k in range(count):
        whole = np.floor(shifts[k] + 1e-6).astype(int)
        part = np.clip(shifts[k] - whole, 0.0, 1.0)
        for step in np.ndindex(2, 2):
            weight = np.prod([part[axis] if step[axis] else 1.0 - part[axis] for axis in (0, 1)])
            if weight > 1e-6:
                i, j = whole + step
                shifted[i : i + columns, j : j + rows, k] += np.float32(weight) * volume[:, :, k]
    return shifted


def _between_slices(
    volume: NDArray[np.float32], depths: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Interpolate slices at the `wanted` depths linearly."""
    below = np.clip(np.searchsorted(depths, wanted, side="right") - 1, 0, len(depths) - 2)
    weight = ((wanted - depths[below]) / (depths[below + 1] - depths[below])).astype(np.float32)
    return volume[:, :, below] * (1 - weight) + volume[:, :, below + 1] * weight
