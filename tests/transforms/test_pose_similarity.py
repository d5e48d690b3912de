# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Points in the patient's space, sampling, and mutual information."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.transforms.pose_similarity import mutual_information, overlap_points, rigid_pose, values_at, world_box


def volume(shape=(5, 6, 7), affine=None) -> MetaTensor:
    affine = np.diag([2.0, 3.0, 4.0, 1.0]) if affine is None else affine
    i, j, k = torch.meshgrid(*[torch.arange(float(n)) for n in shape], indexing="ij")
    return MetaTensor((i + 10 * j + 100 * k)[None], affine=affine)


def test_box_reaches_the_voxels_edges() -> None:
    low, high = world_box(volume())
    np.testing.assert_allclose(low, [-1, -1.5, -2])
    np.testing.assert_allclose(high, [9, 16.5, 26])


def test_box_of_a_flipped_volume() -> None:
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    low, high = world_box(volume(affine=affine))
    np.testing.assert_allclose((low[0], high[0]), [-9, 1])


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_sampling_is_linear_in_space(where) -> None:
    index = np.array(where) * [4, 5, 6]
    values, inside = values_at(volume(), (index * [2, 3, 4])[None])
    assert inside[0]
    assert values[0] == pytest.approx(index @ [1, 10, 100], abs=1e-2)


def test_points_outside_are_told() -> None:
    _, inside = values_at(volume(), np.array([[0, 0, 0], [-1.1, 0, 0], [8.9, 16, 25], [0, 0, 27]]))
    assert inside.tolist() == [True, False, True, False]


def test_overlap_is_the_common_box() -> None:
    other = np.diag([2.0, 3.0, 4.0, 1.0])
    other[:3, 3] = [6, 0, 0]
    points = overlap_points(volume(), volume(affine=other), spacing=1.0)
    np.testing.assert_allclose(points.min(axis=0), [5.5, -1, -1.5])
    np.testing.assert_allclose(points.max(axis=0), [8.5, 16, 25.5])
    other[0, 3] = 50
    assert overlap_points(volume(), volume(affine=other)).shape == (0, 3)


def test_mutual_information_of_equal_and_of_independent_values() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4, 40_000).astype(np.float32)
    assert mutual_information(values, values) == pytest.approx(np.log(4), abs=0.001)
    assert mutual_information(values, 3 - 2 * values) == pytest.approx(np.log(4), abs=0.001)
    assert mutual_information(values, rng.permutation(values)) == pytest.approx(0, abs=0.001)
    assert mutual_information(values, np.zeros_like(values)) == 0


def test_pose_turns_about_the_centre_then_shifts() -> None:
    points = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0]])
    np.testing.assert_allclose(
        rigid_pose(points, degrees=(0, 0, 90)), [[0, 1, 0], [0, -1, 0], [-2, 0, 0], [2, 0, 0]], atol=1e-12
    )
    np.testing.assert_allclose(rigid_pose(points, shift=(1, 2, 3)) - points, np.tile([1, 2, 3], (4, 1)))
