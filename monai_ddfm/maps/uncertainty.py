# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How far the fusion may be from that of the clean sources, because of their noise."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.maps.base import Fusion
from monai_ddfm.rectifiers.grid import box_mean

__all__ = ["uncertainty_map"]

_CALIBRATION = 1.2  # the draws scatter a little less than the fusion errs; chosen in benchmarks/calibration.py
_WINDOW = 3  # voxels over which the squares are averaged: a few draws alone are a noisy measure


def uncertainty_map(fusion: Fusion) -> Tensor:
    """Return a standard deviation, ``[B, 1, *spatial]`` in the units of [-1, 1]: noise, what another scan might show.

    Two parts, added as variances: how far fusions of draws of the clean sources lie from the fusion (the mean square,
    so that what the fusion smoothed away counts as well), and the noise that was left in the sources because it was
    too little to be cleaned, by the share that each source has. Summed up one fusion at a time: memory does not grow
    with their number. ±1.645 of it hold the fusion of the clean sources in about nine of ten voxels.
    """
    squares, count = torch.zeros_like(fusion.fused), 0
    for drawn in fusion.repeated():
        squares += (drawn - fusion.fused).square()
        count += 1
    scattered = box_mean(squares / max(count, 1), [_WINDOW] * (squares.ndim - 2))
    left = (fusion.provenance * fusion.noise_left()).square().sum(dim=1, keepdim=True)
    return (_CALIBRATION**2 * scattered + left).sqrt()
