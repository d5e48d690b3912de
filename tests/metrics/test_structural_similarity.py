# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Structural similarity: its laws."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.metrics import structural_similarity


def test_copy_scores_one_inversion_less_than_zero() -> None:
    image = torch.randint(0, 256, (1, 1, 32, 32), generator=torch.Generator().manual_seed(0)).float()
    assert structural_similarity(image, image).item() == pytest.approx(1.0)
    assert structural_similarity(255 - image, image).item() < -0.5


def test_constant_images_differ_by_luminance_only() -> None:
    dark, bright = torch.full((1, 1, 16, 16), 50.0), torch.full((1, 1, 16, 16), 150.0)
    c1 = (0.01 * 255) ** 2
    assert structural_similarity(dark, bright).item() == pytest.approx((2 * 50 * 150 + c1) / (50**2 + 150**2 + c1))


def test_sum_over_sources_and_window_size() -> None:
    sources = 255 * torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    fused = sources.mean(1, keepdim=True)
    each = structural_similarity(fused, sources, per_source=True)
    torch.testing.assert_close(each.sum(1), structural_similarity(fused, sources))
    with pytest.raises(ValueError, match="smaller than the window, 17 pixels"):
        structural_similarity(fused, sources, window_size=17)
