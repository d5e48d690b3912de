# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""SSIM: structural similarity of the fused image to the sources."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.metrics.images import check_images, filter_valid

__all__ = ["structural_similarity"]


def structural_similarity(
    fused: Tensor, sources: Tensor, per_source: bool = False, data_range: float = 255.0, window_size: int = 7
) -> Tensor:
    """Structural similarity (Wang et al. 2004) to each source, flat square window, sample covariances.

    Constants are K1 = 0.01 and K2 = 0.03, as in scikit-image. Published fusion tables were made with grey levels 0..255
    and `data_range` 2, which leaves the constants almost without effect: flat regions then weigh as much as structures.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.
        sources: sources ``[B, K, H, W]`` in grey levels 0..255.
        per_source: return the value of each source instead of their sum.
        data_range: distance of the lowest from the highest possible value, 255, or 2 as published.
        window_size: side of the window in pixels, odd.

    Returns:
        ``[B]``, or ``[B, K]`` with `per_source`.
    """
    fused, sources = check_images(fused, sources)
    window = torch.full((window_size,), 1 / window_size, dtype=torch.float64)
    mean_f, mean_s = filter_valid(fused, window), filter_valid(sources, window)
    unbiased = window_size**2 / (window_size**2 - 1)
    var_f = unbiased * (filter_valid(fused**2, window) - mean_f**2)
    var_s = unbiased * (filter_valid(sources**2, window) - mean_s**2)
    covariance = unbiased * (filter_valid(fused * sources, window) - mean_f * mean_s)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_f * mean_s + c1) / (mean_f**2 + mean_s**2 + c1)
    structure = (2 * covariance + c2) / (var_f + var_s + c2)
    values = (luminance * structure).mean(dim=(2, 3))
    return values if per_source else values.sum(dim=1)
