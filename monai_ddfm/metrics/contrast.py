# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Metrics of the fused image alone: entropy, standard deviation, spatial frequency, average gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.metrics.images import check_images

__all__ = ["average_gradient", "entropy", "spatial_frequency", "standard_deviation"]


def entropy(fused: Tensor) -> Tensor:
    """EN: Shannon entropy of the histogram of whole grey levels, in bits, 0 to 8.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255.

    Returns:
        ``[B]``.
    """
    fused, _ = check_images(fused)
    levels = fused.round().clamp(0, 255).long().flatten(1)
    batch, pixels = levels.shape
    rows = torch.arange(batch, device=levels.device)[:, None] * 256
    share = torch.bincount((levels + rows).flatten(), minlength=batch * 256).view(batch, 256).double() / pixels
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
