# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Structure in the fusion that no source has."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.maps.base import Fusion

__all__ = ["novelty", "novelty_map", "source_envelope"]


def source_envelope(sources: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest value of all sources in the 3 x 3 (x 3) neighbourhood of each voxel.

    Args:
        sources: ``[B, K, H, W]`` or ``[B, K, H, W, D]``.

    Returns:
        two tensors ``[B, 1, ...]``.
    """
    pool = F.max_pool2d if sources.ndim == 4 else F.max_pool3d
    highest = pool(sources.amax(dim=1, keepdim=True), kernel_size=3, stride=1, padding=1)
    lowest = -pool(-sources.amin(dim=1, keepdim=True), kernel_size=3, stride=1, padding=1)
    return lowest, highest


def novelty(fused: Tensor, sources: Tensor, allowance: float = 0.01) -> Tensor:
    """Return how far each fused value lies outside the range of all sources around it, beyond an allowance for noise.

    Args:
        fused: ``[B, 1, ...]`` in [-1, 1].
        sources: ``[B, K, ...]`` in [-1, 1].
        allowance: distance that counts as noise, in the units of [-1, 1].
    """
    lowest, highest = source_envelope(sources)
    outside = (fused - highest).clamp_min(0.0) + (lowest - fused).clamp_min(0.0)
    return (outside - allowance).clamp_min(0.0)


def novelty_map(fusion: Fusion) -> Tensor:
    """Return the novelty of a fusion, ``[B, 1, *spatial]``; see `novelty`."""
    return novelty(fusion.fused, fusion.sources, fusion.novelty_allowance)
