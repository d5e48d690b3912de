# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Cleaning leaves good scans alone: the shipped volumes are fused as if it were off, along every axis."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from clean_sources import largest_loss, rows_of
from cleaners import CLEANERS, NoisySource
from noise import good_scans, psnr, read
from scanner_noise import add_noise

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model

EXAMPLE = BUNDLE_ROOT / "example" / "sts_010"


def shipped(name: str) -> Path:
    (file,) = EXAMPLE.glob(f"{name}.nii*")
    return file


@pytest.mark.parametrize(("anchor", "other", "axis"), [("MR_T1", "PET", 0), ("CT", "PET", -1)])
def test_shipped_volumes_are_fused_as_they_came(anchor: str, other: str, axis: int) -> None:
    ((_, _, noises, loss),) = rows_of((shipped(anchor), shipped(other)), [axis], 6, pictures=False)
    assert loss == "equal", noises


def test_a_loss_is_found() -> None:
    sources = torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    name, percent = largest_loss(sources.mean(1, keepdim=True) * 0.5, sources.mean(1, keepdim=True), sources)
    assert percent < -5.0, name


def test_streaks_in_a_good_scan_are_measured_and_cleaned() -> None:
    volume = read(shipped("MR_T1"))
    noisy = add_noise(volume.slices, "streaks", 0.1, volume.spacing, seed=1).noisy
    middle = [len(noisy) // 2]
    height_width_depth = (*volume.spacing[1:], volume.spacing[0])
    assert good_scans([volume], 0.1, 0.5) == [volume]
    assert good_scans([volume], 0.001, 0.5) == []
    found = estimate_noise_model(noisy.movedim(0, -1)[None], height_width_depth, "CT")
    source = NoisySource(noisy, middle, 0.1, None, found, volume.affine)
    before, after = (
        psnr(CLEANERS[way](source), volume.slices[middle][:, None])
        for way in ("noisy", "splitting, estimated spectrum")
    )
    assert found.std == pytest.approx(0.1, rel=0.15)
    assert after > before + 3.0
