# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the inferer asks of the numbers it is given, once, at its border."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["check_numbers", "check_range"]

_FURTHEST = 2.0  # half the range beyond either end: as far as a spline overshoots at an edge


def check_range(inputs: Tensor) -> None:
    """Require sources in [-1, 1], give or take what interpolation overshoots.

    Raises:
        ValueError: NaN or infinite values, or values beyond 2: those were never normalised.
    """
    if inputs.numel() == 0:
        raise ValueError(f"inputs hold no voxels, shape {tuple(inputs.shape)}")
    low, high = (float(end) for end in torch.aminmax(inputs.detach().as_subclass(Tensor)))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("inputs hold NaN or infinite values; replace them first, e.g. with torch.nan_to_num")
    if max(-low, high) > _FURTHEST:
        raise ValueError(
            f"inputs must be sources in [-1, 1], got {low:.4g} to {high:.4g}; normalise them first "
            "(NormalizeModalityd), or let FuseDDFM do all of it"
        )


def check_numbers(eta: float, uncertainty_seeds: int, novelty_allowance: float) -> None:
    """Require numbers that a fusion can be made with.

    Raises:
        ValueError: a negative or non-finite `eta` or `novelty_allowance`, or fewer than 2 `uncertainty_seeds`.
    """
    for name, value in (("eta", eta), ("novelty_allowance", novelty_allowance)):
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number of 0 or more, got {value}")
    if uncertainty_seeds < 2:
        raise ValueError(f"uncertainty_seeds must be 2 or more to have a spread, got {uncertainty_seeds}")
