# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest

from monai_ddfm.apps.slices_first import slices_first, volume_of


def test_a_landmark_stays_where_it_is() -> None:
    voxels = np.zeros((4, 5, 6), np.float32)  # slice, row, column
    voxels[1, 2, 3] = 1.0
    affine = np.array([[-2.0, 0, 0, 10], [0, -3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]])
    volume = volume_of(voxels, affine)
    assert volume.shape == (1, 6, 5, 4)
    place = np.argwhere(volume[0].numpy() == 1.0)[0]
    np.testing.assert_array_equal(place, [3, 2, 1])
    np.testing.assert_allclose(volume.affine.numpy() @ [*place, 1], [4, 14, 34, 1])
    again, matrix = slices_first(volume)
    np.testing.assert_array_equal(again, voxels)
    np.testing.assert_array_equal(matrix, affine)


def test_what_has_no_place_is_refused() -> None:
    with pytest.raises(ValueError, match="PET: has no affine"):
        volume_of(np.zeros((2, 2, 2)), None, "PET")
    with pytest.raises(ValueError, match="MR: expected slices"):
        volume_of(np.zeros((2, 2, 2, 3)), np.eye(4), "MR")
