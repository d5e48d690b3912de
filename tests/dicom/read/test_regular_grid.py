# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Resampling of tilted and uneven stacks: a linear field in space must come out as it went in."""

from __future__ import annotations

import numpy as np
import pytest

from monai_ddfm.dicom.read.geometry import StackGeometry, stack_affine
from monai_ddfm.dicom.read.regular_grid import to_regular_grid

SHAPE = (12, 9)
SPACING = (1.0, 1.5)


def geometry(shear: float, depths: list[float]) -> StackGeometry:
    along = np.array(depths)
    in_plane = np.stack([3.0 + 0.5 * shear * along, -7.0 - shear * along], axis=1)
    return StackGeometry(np.eye(3), in_plane, along, SPACING, 4.0)


def linear_field(grid: StackGeometry, shape: tuple[int, ...]) -> np.ndarray:
    """2 x - y + 3 z at the voxels, x and y of each slice's own origin."""
    i, j, _ = np.meshgrid(*map(np.arange, shape), indexing="ij")
    x, y = grid.in_plane[:, 0] + i * SPACING[0], grid.in_plane[:, 1] + j * SPACING[1]
    return (2 * x - y + 3 * grid.depths).astype(np.float32)


@pytest.mark.parametrize("shear", [0.0, 0.33, -0.2])
@pytest.mark.parametrize("depths", [[0, 4, 8, 12, 16], [0, 4, 8, 12, 13, 20, 27]])
def test_linear_field_is_kept(shear: float, depths: list[float]) -> None:
    before = geometry(shear, depths)
    volume = linear_field(before, (*SHAPE, len(depths)))
    resampled, after = to_regular_grid(volume, before)
    assert after.is_straight and after.is_even
    expected = linear_field(after, resampled.shape)
    # voxels that some source slice reaches in full: everywhere inside the stack but at the shifted edges
    inside = np.zeros(resampled.shape, dtype=bool)
    for k, depth in enumerate(after.depths):
        drawn = [n for n in range(len(depths)) if abs(depths[n] - depth) < np.diff(depths).max()]
        shift = (before.in_plane[drawn] - after.in_plane[0]) / SPACING
        low, high = np.ceil(shift.max(axis=0)).astype(int), np.floor(shift.min(axis=0)).astype(int) + SHAPE
        inside[low[0] : high[0], low[1] : high[1], k] = True
    assert inside.any(axis=(0, 1)).all()
    np.testing.assert_allclose(resampled[inside], expected[inside], atol=1e-3)
    np.testing.assert_allclose(resampled.min(), volume.min(), atol=1e-3)


def test_even_stack_keeps_its_slices_and_an_uneven_one_its_ends() -> None:
    even = geometry(0.3, [0, 4, 8])
    assert to_regular_grid(np.ones((*SHAPE, 3), dtype=np.float32), even)[1].depths.tolist() == [0, 4, 8]
    uneven = geometry(0.0, [0, 4, 8, 9, 16])
    resampled, after = to_regular_grid(np.ones((*SHAPE, 5), dtype=np.float32), uneven)
    assert after.depths[0] == 0 and after.depths[-1] == 16 and resampled.shape == (*SHAPE, 5)
    assert np.ptp(resampled) == 0


def test_point_stays_at_its_place_in_the_patient() -> None:
    before = geometry(0.33, [0, 4, 8, 12])
    volume = np.zeros((*SHAPE, 4), dtype=np.float32)
    volume[5, 4, 2] = 1.0
    position = np.array([before.in_plane[2, 0] + 5 * SPACING[0], before.in_plane[2, 1] + 4 * SPACING[1], 8.0])
    resampled, after = to_regular_grid(volume, before)
    index = np.array(np.nonzero(resampled[:, :, 2]))
    weights = resampled[index[0], index[1], 2]
    centre = np.append(index @ weights / weights.sum(), [2, 1])
    np.testing.assert_allclose((stack_affine(after) @ centre)[:3], position * [-1, -1, 1], atol=1e-4)
