# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How much the fusion depends on chance."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.maps.base import Fusion

__all__ = ["uncertainty_map"]


def uncertainty_map(fusion: Fusion) -> Tensor:
    """Return the standard deviation over fusions from several seeds, ``[B, 1, *spatial]`` in the units of [-1, 1].

    Summed up one fusion at a time (Welford 1962), so that memory does not grow with their number.
    """
    count, mean, squares = 0, torch.zeros_like(fusion.fused), torch.zeros_like(fusion.fused)
    for fused in fusion.repeated():
        count += 1
        difference = fused - mean
        mean += difference / count
        squares += difference * (fused - mean)
    return (squares / max(count - 1, 1)).sqrt()
