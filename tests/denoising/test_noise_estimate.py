# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noise is found where it is, and anatomy is not taken for it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.denoising.noise_estimate import estimate_noise


def smooth_head(size: int = 128) -> Tensor:
    """Shaded ellipse with soft structures on a background of -1, ``[1, 1, size, size]``."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    head = 0.3 * torch.sin(5 * x) * torch.cos(4 * y) + 0.2 * x
    return torch.where(x * x + 1.3 * y * y < 0.8, head, torch.tensor(-1.0))[None, None].double()


def noisy(image: Tensor, sigma: float, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(image.shape, generator=generator, dtype=image.dtype)
    return torch.where(image > -1, image + sigma * noise, image).clamp(-1, 1)


def test_a_smooth_image_has_no_noise() -> None:
    assert estimate_noise(smooth_head()).item() < 1e-3


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.1, 0.2])
def test_white_noise_is_measured(sigma: float) -> None:
    levels = estimate_noise(torch.cat([noisy(smooth_head(), sigma, seed) for seed in range(4)], dim=1))
    assert levels.shape == (1, 4)
    torch.testing.assert_close(levels, torch.full_like(levels, sigma), rtol=0.12, atol=0)


def test_fine_anatomy_in_places_is_not_noise() -> None:
    image = smooth_head()
    image[..., 40:80, 30:70] += 0.3 * (torch.rand(40, 40, generator=torch.Generator().manual_seed(1)) > 0.5)
    assert estimate_noise(image).item() < 1e-3


def test_sources_and_images_are_measured_alone() -> None:
    clean, rough = smooth_head(), noisy(smooth_head(), 0.1)
    levels = estimate_noise(torch.cat([torch.cat([clean, rough], 1), torch.cat([rough, clean], 1)]))
    torch.testing.assert_close(levels[0], levels[1].flip(0))
    assert levels[0, 0] < 1e-3 < 0.05 < levels[0, 1]


def test_a_volume_is_measured_as_its_slices() -> None:
    slices = noisy(smooth_head().expand(1, 1, -1, -1), 0.1)
    volume = slices[:, :, None].expand(-1, -1, 3, -1, -1)
    torch.testing.assert_close(estimate_noise(volume), estimate_noise(slices), rtol=0.05, atol=0)


@pytest.mark.parametrize("shape", [(1, 2, 3, 3), (2, 2, 32, 32), (1, 2, 2, 1, 16)])
def test_without_tissue_there_is_no_noise(shape: tuple[int, ...]) -> None:
    levels = estimate_noise(torch.full(shape, -1.0))
    assert levels.shape == shape[:2]
    assert (levels == 0).all()


def test_a_long_volume_whose_slices_take_turns_is_measured_as_all_of_them() -> None:
    """Interpolation along the slices averages every other one, which has less noise."""
    slices = torch.stack([noisy(smooth_head(64)[0], 0.1 if k % 2 else 0.07, k)[0] for k in range(192)])[None, None]
    parts = [estimate_noise(slices[:, :, first : first + 48]) for first in range(0, 192, 48)]
    torch.testing.assert_close(estimate_noise(slices), torch.stack(parts).mean(0), rtol=0.03, atol=0)
