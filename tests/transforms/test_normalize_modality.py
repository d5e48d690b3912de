# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Each modality to [-1, 1] in its own way, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.transforms import Modality, NormalizeModality, NormalizeModalityd, RestoreIntensity
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE
from tests.volumes import affines, random_volume


def ramp(low: float, high: float) -> MetaTensor:
    """1001 values evenly from `low` to `high`."""
    values = torch.linspace(low, high, 1001).view(1, 7, 11, 13)
    return MetaTensor(values, meta={"filename_or_obj": "scan.nii.gz"})


def test_ct_by_its_window() -> None:
    ct = MetaTensor(torch.tensor([-1000.0, -160.0, 40.0, 140.0, 240.0, 3000.0]).view(1, 6, 1, 1))
    scaled = NormalizeModality("CT")(ct)
    assert scaled.flatten().tolist() == pytest.approx([-1, -1, 0, 0.5, 1, 1])
    assert scaled.meta[INTENSITY_RANGE] == (-160.0, 240.0)
    wide = NormalizeModality("CT", ct_window=(-1000, 1000))(ct)
    assert wide.flatten().tolist() == pytest.approx([-1, -0.16, 0.04, 0.14, 0.24, 1], abs=1e-6)


def test_mr_by_percentiles() -> None:
    scaled = NormalizeModality(Modality.MR)(ramp(0, 1000))
    assert scaled.meta[INTENSITY_RANGE] == pytest.approx((5.0, 995.0))
    assert scaled.flatten()[[0, 5, 500, 995, 1000]].tolist() == pytest.approx([-1, -1, 0, 1, 1], abs=1e-5)
    narrow = NormalizeModality("T1", mr_percentiles=(25, 75))(ramp(0, 1000))
    assert narrow.meta[INTENSITY_RANGE] == pytest.approx((250.0, 750.0))


@pytest.mark.parametrize("modality", ["PET", "SPECT"])
def test_uptake_from_zero(modality: str) -> None:
    scaled = NormalizeModality(modality)(ramp(2, 12))
    assert scaled.meta[INTENSITY_RANGE] == pytest.approx((0.0, 11.99))
    assert scaled.flatten()[0].item() == pytest.approx(2 / 11.99 * 2 - 1)
    robust = NormalizeModality(modality, uptake_percentile=50)(ramp(2, 12))
    assert robust.meta[INTENSITY_RANGE] == pytest.approx((0.0, 7.0))


@pytest.mark.parametrize("modality", ["MR", "PET"])
def test_background_is_not_counted(modality: str) -> None:
    volume = random_volume(8, 8, 8, seed=3)
    volume[:, :3] = 0.0
    padded = torch.nn.functional.pad(volume, (9, 0, 4, 4, 30, 1))
    ranges = [NormalizeModality(modality)(image).meta[INTENSITY_RANGE] for image in (volume, padded)]
    assert ranges[0] == ranges[1]


def test_window_overrules() -> None:
    scaled = NormalizeModality("MR", window=(0, 255))(ramp(0, 510))
    assert scaled.meta[INTENSITY_RANGE] == (0.0, 255.0)
    assert scaled.flatten()[250].item() == pytest.approx(0.0, abs=1e-5)


def test_sparse_uptake_takes_its_own_maximum() -> None:
    """A hot spot of less than a thousandth of the volume is not lost."""
    pet = MetaTensor(torch.zeros(1, 20, 20, 20))
    pet[0, 3, 3, 2:4] = torch.tensor([-0.1, 5.0])  # and reconstruction noise below zero
    scaled = NormalizeModality("PET")(pet)
    assert scaled.meta[INTENSITY_RANGE] == (0.0, 5.0)
    assert scaled[0, 3, 3, 3].item() == 1.0
    assert scaled.min().item() == -1.0


@pytest.mark.parametrize(
    ("modality", "low", "high"),
    [("CT", 300, 4000), ("CT", -2000, -200), ("PET", -9, -1)],
    ids=["dense", "air", "minus"],
)
def test_nothing_in_the_window(modality: str, low: float, high: float) -> None:
    with pytest.raises(ValueError, match=rf"scan\.nii\.gz: values from {low} to {high} leave nothing.*check the units"):
        NormalizeModality(modality)(ramp(low, high))


@pytest.mark.parametrize(
    "limits", [{"window": (5, 5)}, {"ct_window": (240, -160)}, {"mr_percentiles": (99.5, 0.5)}, {"window": (1, 2, 3)}]
)
def test_limits_that_do_not_rise(limits: dict[str, tuple[float, ...]]) -> None:
    (name,) = limits
    with pytest.raises(ValueError, match=rf"{name} must be \(low, high\) with low below high, got \["):
        NormalizeModality("MR", **limits)


def test_mr_of_nearly_one_value() -> None:
    mr = MetaTensor(torch.full((1, 20, 20, 20), 7.0))
    mr[0, 0, 0, :2] = torch.tensor([3.0, 9.0])
    assert NormalizeModality("MR")(mr).meta[INTENSITY_RANGE] == (3.0, 9.0)


@given(affine=affines(), seed=st.integers(0, 1000), modality=st.sampled_from(["MR", "PET", "SPECT"]))
@settings(max_examples=20)
def test_way_back(affine: np.ndarray, seed: int, modality: str) -> None:
    """What lies in the window comes back exactly; the rest is clipped to its ends; the geometry is not touched."""
    volume = random_volume(6, 7, 8, affine=affine, seed=seed)
    scaled = NormalizeModality(modality)(volume)
    assert (scaled.min().item(), scaled.max().item()) == pytest.approx((-1.0, 1.0), abs=0.1)
    low, high = scaled.meta[INTENSITY_RANGE]
    restored = RestoreIntensity()(scaled)
    torch.testing.assert_close(restored.as_tensor(), volume.as_tensor().clamp(low, high), rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(restored.affine, volume.affine)
    assert scaled.meta["modality"] == Modality(scaled.meta["modality"]).value


def test_input_is_left_alone() -> None:
    volume = ramp(0, 1000)
    before = volume.as_tensor().clone()
    NormalizeModality("MR")(volume)
    assert torch.equal(volume.as_tensor(), before)
    assert INTENSITY_RANGE not in volume.meta


@pytest.mark.parametrize("modality", [None, ["MR", "PT"], {"b": "PT", "a": "MR"}])
def test_dictionary(modality: object) -> None:
    keys = ["MR_T1", "PET"] if modality is None else ["a", "b"]
    data = {keys[0]: ramp(100, 1100), keys[1]: ramp(100, 1100), "case": "p01"}
    scaled = NormalizeModalityd(keys, modality=modality)(data)
    assert scaled[keys[0]].meta[INTENSITY_RANGE] == pytest.approx((105.0, 1095.0))
    assert scaled[keys[1]].meta[INTENSITY_RANGE] == pytest.approx((0.0, 1099.0))
    assert scaled["case"] == "p01"


def test_dictionary_with_a_window_for_one_key() -> None:
    data = {"MR": ramp(0, 1000), "CT": ramp(-1000, 1000)}
    scaled = NormalizeModalityd(["MR", "CT"], windows={"CT": [-100, 900]})(data)
    assert scaled["CT"].meta[INTENSITY_RANGE] == (-100.0, 900.0)
    assert scaled["MR"].meta[INTENSITY_RANGE] == pytest.approx((5.0, 995.0))


def test_dictionary_with_a_key_that_says_nothing() -> None:
    with pytest.raises(ValueError, match="cannot tell the modality of 'scan2'"):
        NormalizeModalityd(["MR", "scan2"])
