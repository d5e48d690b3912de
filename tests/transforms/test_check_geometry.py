# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources that do not lie in one place are refused."""

from __future__ import annotations

import warnings
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.transforms import CheckGeometry, CheckGeometryd
from monai_ddfm.transforms.check_geometry import overlap_with
from tests.volumes import ANISOTROPIC, affines, random_volume


def moved(fraction: float, axis: int = 0, size: int = 8) -> MetaTensor:
    """A cube moved by a fraction of its field of view along one of its axes."""
    affine = ANISOTROPIC.copy()
    affine[:3, 3] += affine[:3, axis] * size * fraction
    return random_volume(size, size, size, affine=affine, file="moved.nii.gz")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("fraction", [0.0, 0.25, -0.5, 0.75, 1.5])
def test_overlap_of_a_moved_cube(fraction: float, axis: int) -> None:
    overlap = overlap_with(random_volume(8, 8, 8, file="anchor.nii.gz"), moved(fraction, axis))
    assert overlap == pytest.approx(max(0.0, 1 - abs(fraction)), abs=0.05)


@given(
    affine=affines(),
    order=st.sampled_from(list(permutations(range(3)))),
    flips=st.tuples(*[st.booleans()] * 3),
)
@settings(max_examples=30)
def test_same_place_however_stored(affine: np.ndarray, order: tuple[int, ...], flips: tuple[bool, ...]) -> None:
    """Permuting and mirroring a volume's axes moves nothing in space."""
    shape = (6, 7, 8)
    change = np.zeros((4, 4))
    change[3, 3] = 1
    for new, old in enumerate(order):
        change[old, new] = -1 if flips[new] else 1
        change[old, 3] = shape[old] - 1 if flips[new] else 0
    stored = random_volume(*(shape[old] for old in order), affine=affine @ change)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert CheckGeometry()(stored, random_volume(*shape, affine=affine)) is stored
    assert overlap_with(random_volume(*shape, affine=affine), stored) == 1.0


def test_no_overlap() -> None:
    with pytest.raises(
        ValueError, match=r"moved\.nii\.gz: covers 0\.0% of the field of view of anchor\.nii\.gz.*register"
    ):
        CheckGeometry()(moved(1.5), random_volume(8, 8, 8, file="anchor.nii.gz"))


def test_little_overlap_warns() -> None:
    with pytest.warns(UserWarning, match=r"moved\.nii\.gz: covers only 2\d% of anchor\.nii\.gz"):
        CheckGeometry()(moved(0.75), random_volume(8, 8, 8, file="anchor.nii.gz"))


def test_limit_of_the_overlap() -> None:
    with pytest.raises(ValueError, match="at least 90% expected"):
        CheckGeometry(min_overlap=0.9)(moved(0.25), random_volume(8, 8, 8))


BAD_AFFINES = {
    "nan": np.full((4, 4), np.nan),
    "zero": np.diag([0.0, 0.0, 0.0, 1.0]),
    "one column missing": np.diag([1.0, 1.0, 0.0, 1.0]),
    "parallel axes": np.array([[1.0, 1, 0, 0], [0, 1e-5, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "metres": np.diag([1e-3, 1e-3, 1e-3, 1.0]),
    "kilometres": np.diag([1e3, 1e3, 1e3, 1.0]),
    "infinite origin": np.array([[1.0, 0, 0, np.inf], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
}


@pytest.mark.parametrize("affine", BAD_AFFINES.values(), ids=BAD_AFFINES.keys())
@pytest.mark.parametrize("as_anchor", [True, False])
def test_affine_that_is_none(affine: np.ndarray, as_anchor: bool) -> None:
    bad, good = random_volume(4, 4, 4, affine=affine, file="bad.nii.gz"), random_volume(4, 4, 4)
    data = {"MR": bad, "PET": good} if as_anchor else {"MR": good, "PET": bad}
    with pytest.raises(
        ValueError, match=r"bad\.nii\.gz: the affine .* expected an invertible affine in mm \(check sform"
    ):
        CheckGeometryd(["MR", "PET"])(data)


def test_dictionary_leaves_the_data_alone() -> None:
    data = {"MR": random_volume(6, 6, 6), "PET": random_volume(6, 6, 6, seed=1), "case": "p01"}
    checked = CheckGeometryd(["MR", "PET", "CT"], allow_missing_keys=True)(data)
    assert checked == data
    assert all(checked[key] is data[key] for key in data)


def test_dictionary_checks_against_the_first_key() -> None:
    data = {"MR": random_volume(8, 8, 8), "PET": random_volume(8, 8, 8), "CT": moved(1.5)}
    with pytest.raises(ValueError, match=r"moved\.nii\.gz: covers 0\.0%"):
        CheckGeometryd(["MR", "PET", "CT"])(data)
    assert torch.equal(CheckGeometryd(["MR", "PET"])(data)["MR"], data["MR"])
