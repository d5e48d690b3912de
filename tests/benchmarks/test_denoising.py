# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The table of what priors make of noise."""

from __future__ import annotations

from pathlib import Path

import denoising
import nibabel as nib
import numpy as np
import pytest

from monai_ddfm.priors.prior_file import write_prior_file
from tests.tiny_unet import TINY, tiny_unet


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    header = {"kind": "monai", "architecture": TINY, "channels": "1", "unshuffle": "2"}
    header["prediction_type"] = "epsilon"
    for name, seed in (("a", 0), ("b", 1)):
        write_prior_file(tmp_path / f"{name}.safetensors", tiny_unet(seed=seed).state_dict(), header)
    values = np.random.default_rng(0).random((9, 11, 13)).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.diag([4.0, 4.0, 3.0, 1.0])), tmp_path / "PET.nii.gz")
    weights = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    return ["--weights", *weights, "--image", "limb PET", str(tmp_path / "PET.nii.gz"), "--slices", "2"]


@pytest.mark.parametrize("options", [[], ["--native"], ["--native", "--axis", "0"]])
def test_a_row_for_each_weights_and_one_of_the_gain(
    arguments: list[str], options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    denoising.main([*arguments, *options, "--timesteps", "10", "380"])
    header, _, first, second, gain = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert header[2:] == ["t=10 (sigma 0.05)", "t=380 (sigma 1.85) |"]
    numbers = [[float(text.rstrip(" |")) for text in row[2:]] for row in (first, second, gain)]
    assert numbers[2] == pytest.approx(np.subtract(numbers[1], numbers[0]), abs=0.011)
