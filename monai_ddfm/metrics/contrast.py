# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of the fused image alone: entropy, standard deviation, spatial frequency, average gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.metrics.images import TISSUE_LEVEL, check_images

__all__ = ["average_gradient", "entropy", "spatial_frequency", "standard_deviation", "tissue_entropy"]


def entropy(fused: Tensor) -> Tensor:
    """EN: Shannon entropy of the histogram of whole grey levels, in bits, 0 to 8.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.

    Returns:
        ``[B]``.
    """
    fused, _ = check_images(fused)
    return _entropy_of(fused, torch.ones_like(fused, dtype=torch.bool))


def tissue_entropy(fused: Tensor, sources: Tensor) -> Tensor:
    """EN of the pixels that are tissue in any source, in bits: background, half of many pictures, has no say.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.
        sources: sources ``[B, K, H, W]``; above `TISSUE_LEVEL` a pixel is tissue.

    Returns:
        ``[B]``, 0 without tissue.
    """
    fused, sources = check_images(fused, sources)
    return _entropy_of(fused, (sources > TISSUE_LEVEL).any(dim=1, keepdim=True))


def _entropy_of(fused: Tensor, counted: Tensor) -> Tensor:
    levels = fused.round().clamp(0, 255).long().flatten(1)
    batch = len(levels)
    rows = torch.arange(batch, device=levels.device)[:, None] * 256
    number = torch.bincount((levels + rows)[counted.flatten(1)], minlength=batch * 256).view(batch, 256).double()
    share = number / number.sum(dim=1, keepdim=True).clamp_min(1)
    return -(torch.xlogy(share, share)).sum(dim=1) / torch.log(share.new_tensor(2.0))


def standard_deviation(fused: Tensor) -> Tensor:
    """SD: standard deviation of the grey levels over the image. Shapes as in `entropy`."""
    fused, _ = check_images(fused)
    return fused.flatten(1).std(dim=1, correction=0)


def spatial_frequency(fused: Tensor) -> Tensor:
    """SF: root of the mean squared difference along rows plus that along columns (Eskicioglu and Fisher 1995).

    Shapes as in `entropy`.
    """
    fused, _ = check_images(fused)
    return ((fused.diff(dim=-1) ** 2).mean(dim=(1, 2, 3)) + (fused.diff(dim=-2) ** 2).mean(dim=(1, 2, 3))).sqrt()


def average_gradient(fused: Tensor) -> Tensor:
    """AG: mean of √((g_x² + g_y²) / 2), central differences, one-sided at the border. Shapes as in `entropy`."""
    fused, _ = check_images(fused)
    rows, columns = torch.gradient(fused, dim=(-2, -1))
    return ((rows**2 + columns**2) / 2).sqrt().mean(dim=(1, 2, 3))
