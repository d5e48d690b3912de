# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""White noise where texture hides its spectrum, on real slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_ddfm.denoising.estimate_noise_model import estimate_noise_model
from monai_ddfm.denoising.white_level import white_level

PAIR = np.load(Path(__file__).parents[1] / "data" / "fusion_metrics.npz")["stroke_mr_84"]


@pytest.mark.parametrize("std", [0.1, 0.2])
def test_noise_in_a_textured_picture(std: float) -> None:
    clean = torch.from_numpy(PAIR[1]).float() / 127.5 - 1.0
    noisy = clean + std * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    assert white_level(noisy) == pytest.approx(std, rel=0.15)
    assert white_level(100.0 * noisy + 5.0) == pytest.approx(100.0 * white_level(noisy), rel=1e-3)
    model = estimate_noise_model(noisy[None])
    assert (model.kind, model.alone) == ("white", True)
    assert model.std == pytest.approx(std, rel=0.15)


def test_none_in_clean_and_constant_pictures() -> None:
    assert white_level(torch.from_numpy(PAIR[1]).float()) < 0.02 * 127.5
    assert white_level(torch.full((32, 32), 3.0)) == 0.0
