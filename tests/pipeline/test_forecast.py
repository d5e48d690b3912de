# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.__main__ import main
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.forecast import forecast
from monai_ddfm.priors import IdentityPrior
from tests.volumes import save_nifti

SIZE = (64, 64, 40)


def config(**settings: Any) -> FusionConfig:
    return FusionConfig.of(**{"device": "cpu", "anchor": "MR", "sources": ["PET"], **settings})


def test_more_of_anything_takes_more() -> None:
    plain = forecast(SIZE, config())
    assert 0 < plain.memory < plain.memory_noisy
    assert 0 < plain.seconds < plain.seconds_noisy
    assert plain.for_maps == 0
    for more in (
        forecast((64, 64, 80), config()),
        forecast(SIZE, config(sources=["PET", "CT"])),
        forecast(SIZE, config(maps=["provenance"])),
    ):
        assert more.memory > plain.memory
    drawn = forecast(SIZE, config(maps=["uncertainty"]))
    assert drawn.seconds_noisy - drawn.seconds > 8 * (plain.seconds_noisy - plain.seconds)
    clean = forecast(SIZE, config(denoise_sources=False))
    assert (clean.memory, clean.seconds) == (clean.memory_noisy, clean.seconds_noisy)


def test_cleaning_takes_as_long_as_its_evaluations_and_their_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    def cleaning(units: bool, **settings: Any) -> float:
        monkeypatch.setattr("monai_ddfm.pipeline.forecast.has_bfloat16_units", lambda device: units)
        told = forecast(SIZE, config(**settings))
        return told.seconds_noisy - told.seconds

    assert cleaning(False) == cleaning(True, precision="float32") > 2 * cleaning(True)
    assert cleaning(True) == pytest.approx(3 * cleaning(True, cleaning_steps=1))


def test_slabs_bound_what_the_rectifier_holds() -> None:
    size, reach = (512, 512, 600), 36
    whole, slabs, small = (forecast(size, config(slab=slab), reach).memory for slab in (600, None, 1))
    assert whole > slabs > small


def test_it_grows_no_faster_than_the_volume() -> None:
    growth = [forecast((96, 96, slices), config(), 36).memory for slices in (250, 500, 1000, 2000)]
    for once, twice in pairwise(growth):
        assert twice <= 2.05 * once


def test_a_case_for_which_memory_is_short_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monai_ddfm.pipeline.forecast.available_memory", lambda: 1 << 20)
    pipeline = FusionPipeline(config(maps=["provenance"]), IdentityPrior())
    volume = MetaTensor(torch.rand(1, 300, 300, 100), affine=torch.eye(4))
    with pytest.raises(MemoryError, match=r"300 x 300 x 100 voxels takes about .* 0\.0 GiB are free; take an anchor"):
        pipeline.fuse({"MR": volume, "PET": volume})


def test_it_names_the_voxels_for_which_memory_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = MetaTensor(torch.rand(1, 96, 96, 24), affine=torch.diag(torch.tensor([1.0, 1.0, 3.0, 1.0])))
    data = {"MR": volume, "PET": volume}
    whole = forecast(volume.shape[1:], config(), 36).more
    monkeypatch.setattr("monai_ddfm.pipeline.forecast.available_memory", lambda: whole // 2)
    with pytest.raises(MemoryError) as short:
        FusionPipeline(config(), IdentityPrior()).fuse(data)
    found = re.search(r"fuse coarser voxels \(spacing ([\d.]+) ([\d.]+) ([\d.]+)\)", str(short.value))
    assert found is not None
    spacing = [float(side) for side in found.groups()]
    assert spacing[0] == spacing[1] < spacing[2] == 3.0
    fused = FusionPipeline(config(spacing=spacing), IdentityPrior()).fuse(data)["pred"]
    assert fused.shape == (1, round(96 / spacing[0]), round(96 / spacing[1]), 24)


def test_the_command_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("monai_ddfm.pipeline.forecast.available_memory", lambda: 1 << 10)
    voxels = np.random.default_rng(0).random((24, 24, 12), dtype=np.float32)
    sources = [save_nifti(tmp_path / f"{name}.nii.gz", voxels) for name in ("MR", "PET")]
    assert main(["fuse", *map(str, sources), "-o", str(tmp_path / "out" / "fused.nii.gz"), "--quiet"]) == 1
    (line,) = capfd.readouterr().err.strip().splitlines()
    assert "MemoryError" in line and "smaller slab" in line
    assert not list((tmp_path / "out").glob("*.nii.gz"))


def test_the_log_says_beforehand_what_a_case_takes(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = FusionPipeline(config(check_registration=False), IdentityPrior())
    volume = MetaTensor(torch.rand(1, 24, 24, 6), affine=torch.eye(4))
    with caplog.at_level("INFO", logger="monai_ddfm"):
        pipeline.fuse({"MR": volume, "PET": volume})
    assert "to fuse takes about 0.6 GiB of memory and 3 s" in caplog.text
