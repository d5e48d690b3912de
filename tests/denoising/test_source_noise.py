# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noise of sources, white and of counts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.denoising.source_noise import source_noise


def shaded(size: int = 128) -> Tensor:
    """A disc that is darker on the left, on an empty background, ``[1, 1, H, W]``."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    return torch.where(x**2 + y**2 < 0.8, 0.5 * x, torch.tensor(-1.0))[None, None]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_white_noise(sigma: float) -> None:
    clean = shaded()
    found = source_noise(clean + sigma * torch.randn(clean.shape, generator=generator()))
    assert found.shape == (1, 1)
    assert found.item() == pytest.approx(sigma, rel=0.15)


def test_clean_sources_and_faint_texture_have_none() -> None:
    clean = shaded()
    assert source_noise(clean).item() == 0.0
    assert source_noise(clean + 0.03 * torch.randn(clean.shape, generator=generator())).item() < 0.02


def test_counts_have_the_noise_of_their_bright_tissue() -> None:
    rate = (shaded() + 1) / 2 * 60.0
    counted = torch.poisson(rate, generator=generator()) / 60.0 * 2 - 1
    bright = 2 * (0.7 / 60.0) ** 0.5  # of the brighter tissue, about 0.4 in [-1, 1]
    dark = 2 * (0.3 / 60.0) ** 0.5
    assert dark * 1.3 < source_noise(counted).item()
    assert source_noise(counted).item() == pytest.approx(bright, rel=0.2)


def test_each_source_alone() -> None:
    clean = shaded()
    noisy = clean + 0.2 * torch.randn(clean.shape, generator=generator())
    both = torch.cat([torch.cat([clean, noisy], 1), torch.cat([noisy, clean], 1)])
    found = source_noise(both)
    assert found[0, 0] == found[1, 1] == 0 and found[0, 1] == found[1, 0] == source_noise(noisy)[0, 0]


def test_an_empty_source_has_no_noise() -> None:
    assert source_noise(torch.full((1, 2, 32, 32), -1.0)).tolist() == [[0.0, 0.0]]
