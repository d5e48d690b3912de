# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Visual information fidelity: its laws."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.metrics import visual_information_fidelity


def blob(size: int = 64) -> torch.Tensor:
    axis = torch.linspace(-4, 4, size)
    return (120 * torch.exp(-(axis[:, None] ** 2 + axis**2) / 3) * (1 + torch.sin(5 * axis)))[None, None]


def test_copy_keeps_everything_and_contrast_gains() -> None:
    source = blob()
    assert visual_information_fidelity(source, source).item() == pytest.approx(1.0, abs=1e-6)
    assert visual_information_fidelity(1.5 * source, source).item() > 1.02
    assert visual_information_fidelity(0.5 * source, source).item() < 0.98


def test_noise_destroys_information() -> None:
    source = blob()
    noise = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
    values = [visual_information_fidelity(source + sigma * noise, source).item() for sigma in (0.0, 2.0, 8.0, 32.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.5


def test_sources_without_contrast_count_one_and_constant_fusions_zero() -> None:
    sources = torch.cat([blob(), torch.full_like(blob(), 100.0)], dim=1)
    constant = torch.full_like(blob(), 100.0)
    assert visual_information_fidelity(constant, sources, per_source=True).tolist() == [[0.0, 1.0]]


def test_too_small_an_image_is_refused() -> None:
    visual_information_fidelity(torch.zeros(1, 1, 41, 41), torch.zeros(1, 1, 41, 41))
    with pytest.raises(ValueError, match="sides from 41 pixels"):
        visual_information_fidelity(torch.zeros(1, 1, 40, 64), torch.zeros(1, 2, 40, 64))
