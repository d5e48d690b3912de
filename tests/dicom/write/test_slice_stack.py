# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.dicom.identity import InstanceIdentity, SeriesIdentity
from monai_ddfm.dicom.write.slice_stack import stack_slices

RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SHAPE, SPACING = (5, 6, 4), (1.25, 1.5, 3.0)  # columns, rows, slices


def oblique_grid() -> np.ndarray:
    """LPS affine of columns, rows, slices, turned about two axes."""
    a, b = np.radians([20, -35])
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * SPACING
    affine[:3, 3] = [-30, 12, 100]
    return affine


def anchor_on(affine: np.ndarray, resampled: bool = False) -> SeriesIdentity:
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    orientation = (*directions[:, 0], *directions[:, 1])
    instances = tuple(
        InstanceIdentity("1.2", f"1.2.{k}", f"{k}.dcm", None, tuple(affine[:3, 3] + k * affine[:3, 2]), orientation)
        for k in range(SHAPE[2])
    )
    return SeriesIdentity("p", "1.3", "1.4", "1.5", "MR", "", instances, resampled)


def voxels() -> np.ndarray:
    return np.arange(np.prod(SHAPE), dtype=np.float32).reshape(1, *SHAPE)


def rearranged(volume: np.ndarray, affine: np.ndarray, order: tuple, flips: tuple) -> tuple[np.ndarray, np.ndarray]:
    """The same voxels at the same places, with the axes permuted and flipped."""
    moved = volume.transpose(0, *(1 + axis for axis in order))[(slice(None), *(slice(None, None, s) for s in flips))]
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for new, (old, sign) in enumerate(zip(order, flips, strict=True)):
        change[old, new] = sign
        change[old, 3] = 0 if sign > 0 else volume.shape[1 + old] - 1
    return moved, affine @ change


def test_slices_lie_on_the_anchor() -> None:
    affine = oblique_grid()
    stack = stack_slices(voxels(), RAS @ affine, anchor_on(affine), (1.5, 1.25))
    assert stack.on_anchor
    np.testing.assert_array_equal(stack.frames, voxels()[0].transpose(2, 1, 0))
    np.testing.assert_allclose(stack.positions[2], affine[:3, 3] + 2 * affine[:3, 2])
    assert stack.pixel_spacing == (1.5, 1.25)
    assert stack.slice_spacing == pytest.approx(3.0)


@given(order=st.sampled_from(list(permutations(range(3)))), flips=st.sampled_from(list(product((1, -1), repeat=3))))
def test_no_rearrangement_of_the_axes_changes_the_slices(order: tuple, flips: tuple) -> None:
    """Orientationd and left-handed affines included: half of these have a negative determinant."""
    affine = oblique_grid()
    volume, moved = rearranged(voxels(), RAS @ affine, order, flips)
    stack = stack_slices(torch.from_numpy(volume.copy()), torch.from_numpy(moved), anchor_on(affine))
    np.testing.assert_array_equal(stack.frames, voxels()[0].transpose(2, 1, 0))
    np.testing.assert_allclose(stack.positions, [affine[:3, 3] + k * affine[:3, 2] for k in range(SHAPE[2])], atol=1e-9)
    assert stack.on_anchor


@pytest.mark.parametrize("shift", [0.2, 5.0])
def test_another_grid_is_computed_from_the_affine(shift: float) -> None:
    affine = oblique_grid()
    moved = affine.copy()
    moved[:3, 3] += shift
    stack = stack_slices(voxels(), RAS @ moved, anchor_on(affine))
    assert not stack.on_anchor
    np.testing.assert_allclose(stack.positions[0], moved[:3, 3])


def test_a_resampled_anchor_gives_no_positions() -> None:
    affine = oblique_grid()
    assert not stack_slices(voxels(), RAS @ affine, anchor_on(affine, resampled=True)).on_anchor


def test_colour_has_its_channels_last() -> None:
    affine = oblique_grid()
    colours = np.concatenate([voxels(), voxels() + 1, voxels() + 2])
    stack = stack_slices(colours, RAS @ affine, anchor_on(affine))
    assert stack.frames.shape == (4, 6, 5, 3)
    np.testing.assert_array_equal(stack.frames[..., 2], voxels()[0].transpose(2, 1, 0) + 2)


def test_refuses_a_sheared_grid() -> None:
    affine = oblique_grid()
    sheared = affine.copy()
    sheared[:3, 0] += 0.1 * sheared[:3, 1]
    with pytest.raises(ValueError, match="sheared"):
        stack_slices(voxels(), RAS @ sheared, anchor_on(affine))


def test_refuses_what_is_no_volume_or_affine() -> None:
    affine = oblique_grid()
    with pytest.raises(ValueError, match=r"\[1 or 3, H, W, D\]"):
        stack_slices(voxels()[0], RAS @ affine, anchor_on(affine))
    with pytest.raises(ValueError, match="invertible"):
        stack_slices(voxels(), np.zeros((4, 4)), anchor_on(affine))
