# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where sources disagree and neither dominates."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.maps.base import Fusion

__all__ = ["conflict_map"]


def conflict_map(fusion: Fusion) -> Tensor:
    """Return what the rectifier had to choose between, ``[B, 1, *spatial]`` in the units of [-1, 1].

    The standard deviation of the (cleaned) sources s_k by their shares p_k in the voxel, √(Σ p_k (s_k - Σ p_j s_j)²):
    of two sources √(p (1 - p)) |s_1 - s_2|. 0 where they agree, and where one of them has all the say. No better scan
    takes it away, which is why it is not part of the uncertainty.
    """
    mean = (fusion.provenance * fusion.sources).sum(dim=1, keepdim=True)
    return (fusion.provenance * (fusion.sources - mean).square()).sum(dim=1, keepdim=True).sqrt()
