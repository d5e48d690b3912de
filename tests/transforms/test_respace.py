# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Voxels of another size over the same field of view."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.transforms import Respace, Respaced
from monai_ddfm.transforms.check_volume import WITHOUT_PLACE
from monai_ddfm.transforms.respace import respaced_grid
from tests.volumes import affines, random_volume


@given(affine=affines(), factor=st.floats(0.4, 3.0), size=st.tuples(*[st.integers(3, 40)] * 3))
@settings(max_examples=50)
def test_the_field_of_view_stays_where_it_is(affine: np.ndarray, factor: float, size: tuple[int, int, int]) -> None:
    before = torch.from_numpy(affine)
    old = before[:3, :3].norm(dim=0)
    after, voxels = respaced_grid(before, size, (factor * old).tolist())
    torch.testing.assert_close(after[:3, :3].norm(dim=0), factor * old)

    def middle(matrix: torch.Tensor, count: list[int]) -> torch.Tensor:
        return (matrix @ torch.tensor([*((side - 1) / 2 for side in count), 1.0], dtype=torch.float64))[:3]

    torch.testing.assert_close(middle(after, voxels), middle(before, list(size)), rtol=0, atol=1e-6)
    extents = torch.tensor(voxels).double() * factor
    assert ((extents - torch.tensor(size)).abs() <= factor / 2 + 1e-9).logical_or(torch.tensor(voxels) == 1).all()


def test_a_constant_stays_one_up_to_the_border() -> None:
    volume = MetaTensor(torch.full((1, 7, 8, 9), 3.0), affine=torch.diag(torch.tensor([1.0, 1.0, 2.0, 1.0])))
    for spacing in (0.6, 1.7, [2.0, 1.0, 0.5]):
        respaced = Respace(spacing)(volume)
        torch.testing.assert_close(respaced.as_tensor(), torch.full(respaced.shape, 3.0))


def test_coarser_voxels_average_what_lies_in_them() -> None:
    """Noise falls as by a mean over the voxel; a pattern finer than the voxels does not come back as a coarse one."""
    noise = MetaTensor(torch.from_numpy(np.random.default_rng(0).normal(size=(1, 60, 60, 60))), affine=torch.eye(4))
    assert Respace(3.0)(noise)[:, 2:-2, 2:-2, 2:-2].std() < 1.5 / 3.0**1.5
    stripes = torch.arange(60.0).mul(np.pi * 0.9).cos().expand(1, 60, 60, 60)  # 0.45 cycles a voxel; at 2 mm 0.1
    respaced = Respace(2.0)(MetaTensor(stripes.clone(), affine=torch.eye(4)))
    assert respaced[..., 2:-2].abs().max() < 0.15


def test_voxels_of_that_size_already_are_left_as_they_are() -> None:
    volume = random_volume(5, 6, 7)
    assert Respace(volume.affine[:3, :3].norm(dim=0).tolist())(volume) is volume


def test_dictionary() -> None:
    data = {"MR": random_volume(6, 6, 6), "PET": random_volume(6, 6, 6, seed=1)}
    respaced = Respaced(["MR", "CT"], [5.0, 5.0, 5.0], allow_missing_keys=True)(data)
    assert respaced["PET"] is data["PET"]
    np.testing.assert_allclose(respaced["MR"].affine[:3, :3].norm(dim=0), 5.0)


@pytest.mark.parametrize("spacing", [0.0, -1.0, [1.0, 2.0], [1.0, 0.0, 1.0], []])
def test_what_is_no_spacing_is_refused(spacing: float | list[float]) -> None:
    with pytest.raises(ValueError, match="one or three positive numbers"):
        Respace(spacing)


def test_a_picture_has_no_millimetres() -> None:
    picture = MetaTensor(torch.rand(1, 8, 8, 1), affine=torch.eye(4), meta={WITHOUT_PLACE: True})
    with pytest.raises(ValueError, match="a picture has no millimetres"):
        Respace(2.0)(picture)
