# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of the fused image alone, on images whose values follow by hand."""

from __future__ import annotations

import math

import pytest
import torch

from monai_ddfm.metrics import average_gradient, entropy, spatial_frequency, standard_deviation, tissue_entropy


def test_ramp() -> None:
    ramp = (3.0 * torch.arange(64.0)).expand(1, 1, 64, 64)
    assert entropy(ramp).item() == pytest.approx(6.0)  # 64 equally frequent levels
    assert standard_deviation(ramp).item() == pytest.approx(3 * math.sqrt((64**2 - 1) / 12))
    assert spatial_frequency(ramp).item() == pytest.approx(3.0)
    assert average_gradient(ramp).item() == pytest.approx(3 / math.sqrt(2))


def test_constant_image_has_no_contrast() -> None:
    constant = torch.full((2, 1, 8, 8), 17.0)
    for metric in (entropy, standard_deviation, spatial_frequency, average_gradient):
        torch.testing.assert_close(metric(constant), torch.zeros(2, dtype=torch.float64))


def test_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match=r"\[B, 1, H, W\], got \(1, 2, 8, 8\)"):
        entropy(torch.zeros(1, 2, 8, 8))


def test_background_has_no_say_in_the_entropy_of_tissue() -> None:
    tissue = torch.arange(64.0).view(1, 1, 8, 8) + 100
    picture = torch.nn.functional.pad(tissue, (8, 8, 8, 8))
    sources = torch.cat([picture, torch.zeros_like(picture)], dim=1)
    assert tissue_entropy(picture, sources).item() == pytest.approx(6.0)
    assert entropy(picture).item() < 2
    assert tissue_entropy(picture, torch.zeros_like(sources)).item() == 0.0
