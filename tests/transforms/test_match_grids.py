# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Resampling by world coordinates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from monai.data import MetaTensor

from monai_ddfm.transforms import MatchGrids, MatchGridsd
from tests.volumes import ANISOTROPIC, affines, random_volume


def world_ramp(shape: tuple[int, ...], affine: np.ndarray, slope: np.ndarray) -> MetaTensor:
    """A volume whose voxels are a linear function of their place in space."""
    indices = np.stack([*np.meshgrid(*map(np.arange, shape), indexing="ij"), np.ones(shape)]).reshape(4, -1)
    values = (slope @ (affine @ indices)[:3]).reshape(shape)
    return MetaTensor(torch.from_numpy(values).float()[None], affine=torch.from_numpy(affine.copy()))


@given(affine=affines())
@settings(max_examples=20)
def test_a_ramp_in_space_stays_the_same_ramp(affine: np.ndarray) -> None:
    """The anchor's grid lies within the source's, rotated, mirrored and finer; trilinear interpolation is exact."""
    shape = (9, 10, 11)
    slope = np.array([0.2, -0.1, 0.3])
    source = world_ramp(shape, affine, slope)
    inner = np.array([[0, -0.5, 0, 6], [0.4, 0, 0.05, 2], [0.1, 0, 0.6, 2], [0, 0, 0, 1]])  # source's indices
    anchor = world_ramp((10, 7, 8), affine @ inner, slope)
    matched = MatchGrids()(source, anchor)
    scale = float(np.abs(affine[:3, :3]).max())
    torch.testing.assert_close(matched.as_tensor(), anchor.as_tensor(), rtol=1e-4, atol=2e-3 * scale)
    torch.testing.assert_close(matched.affine, anchor.affine)


def test_image_on_the_grid_is_returned_as_it_is() -> None:
    anchor, source = random_volume(5, 6, 7), random_volume(5, 6, 7, seed=1)
    assert MatchGrids()(source, anchor) is source


def test_beyond_the_field_of_view_is_the_smallest_value() -> None:
    source = random_volume(4, 4, 4) - 1000.0  # like air in CT
    affine = ANISOTROPIC.copy()
    affine[:3, 3] -= 4 * affine[:3, 0]
    matched = MatchGrids()(source, random_volume(12, 4, 4, affine=affine))
    torch.testing.assert_close(matched[:, 4:8].as_tensor(), source.as_tensor(), rtol=1e-5, atol=1e-2)
    lowest = torch.full((1, 4, 4, 4), float(source.min()))
    torch.testing.assert_close(matched[:, :4].as_tensor(), lowest)
    torch.testing.assert_close(matched[:, 8:].as_tensor(), lowest)


@pytest.mark.parametrize("mode", ["nearest", 0, 1, 3])
def test_modes(mode: str | int) -> None:
    source = random_volume(6, 6, 6)
    affine = ANISOTROPIC.copy()
    affine[:3, 3] += affine[:3, 0]  # one voxel further: every mode meets the voxels themselves
    matched = MatchGrids(mode)(source, random_volume(4, 6, 6, affine=affine))
    torch.testing.assert_close(matched.as_tensor(), source[:, 1:5].as_tensor(), rtol=1e-3, atol=0.5)


def test_whole_numbers_are_averaged_on_a_coarser_grid_too() -> None:
    source = (random_volume(12, 12, 12, affine=np.eye(4)) * 10).round()
    anchor = random_volume(4, 4, 4, affine=np.diag([3.0, 3.0, 3.0, 1.0]))
    counts = MetaTensor(source.as_tensor().short(), affine=source.affine)
    torch.testing.assert_close(MatchGrids()(counts, anchor).as_tensor(), MatchGrids()(source, anchor).as_tensor())


def test_own_file_name_is_kept() -> None:
    matched = MatchGrids()(random_volume(3, 3, 3, file="PET.nii.gz"), random_volume(6, 6, 6, file="MR.nii.gz"))
    assert matched.meta["filename_or_obj"] == "PET.nii.gz"


def test_dictionary() -> None:
    data = {
        "MR": random_volume(6, 6, 6, file="MR.nii.gz"),
        "PET": random_volume(4, 5, 6, seed=1, file="PET.nii.gz"),
        "case": "p01",
    }
    matched = MatchGridsd(["MR", "PET", "CT"], allow_missing_keys=True)(data)
    assert matched["MR"] is data["MR"]
    assert matched["PET"].shape == (1, 6, 6, 6)
    torch.testing.assert_close(matched["PET"].affine, data["MR"].affine)
    assert data["PET"].shape == (1, 4, 5, 6)
    swapped = MatchGridsd(["PET", "MR"])(data)
    assert swapped["MR"].shape == (1, 4, 5, 6)


def test_where_the_first_is_missing_the_next_is_the_anchor() -> None:
    fine, coarse = random_volume(8, 8, 4), random_volume(4, 4, 2, affine=ANISOTROPIC @ np.diag([2.0, 2.0, 2.0, 1.0]))
    matched = MatchGridsd(["MR", "CT", "PET"], allow_missing_keys=True)({"CT": coarse, "PET": fine})
    assert matched["CT"] is coarse
    assert matched["PET"].shape == coarse.shape
