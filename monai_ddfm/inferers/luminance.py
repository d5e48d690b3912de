# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Rectifying the luminance of an RGB proposal while its chroma stays (ITU-R BT.601)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["LuminanceRange", "luminance", "rectify_luminance"]

State = TypeVar("State")
_WEIGHTS = (0.299, 0.587, 0.114)


class LuminanceRange(str, Enum):
    """How RGB in [-1, 1] becomes luminance.

    FULL gives [-1, 1], the range of the sources. STUDIO is what the published code takes, scikit-image's ``rgb2ycbcr``
    over 255: (16 + 219 Y) / 255 with Y the weighted sum.
    """

    FULL = "full"
    STUDIO = "studio"

    @property
    def offset(self) -> float:
        """Luminance of RGB zero."""
        return 16.0 / 255.0 if self is LuminanceRange.STUDIO else 0.0

    @property
    def slope(self) -> float:
        """Luminance gained per unit of grey."""
        return 219.0 / 255.0 if self is LuminanceRange.STUDIO else 1.0


def luminance(rgb: Tensor, luminance_range: LuminanceRange = LuminanceRange.FULL) -> Tensor:
    """Return the luminance ``[B, 1, H, W]`` of RGB ``[B, 3, H, W]`` in [-1, 1]."""
    weights = torch.tensor(_WEIGHTS, dtype=rgb.dtype, device=rgb.device).view(3, 1, 1)
    return luminance_range.offset + luminance_range.slope * (weights * rgb).sum(dim=1, keepdim=True)


def rectify_luminance(
    rectify: Callable[[Tensor, int, State], tuple[Tensor, State]],
    luminance_range: LuminanceRange = LuminanceRange.FULL,
) -> Callable[[Tensor, int, State], tuple[Tensor, State]]:
    """Make a rectification of one channel one of RGB: the luminance is rectified, the chroma kept.

    Both chroma channels are differences to the luminance, so a new luminance adds the same grey to R, G and B.
    """

    def rectify_rgb(x0: Tensor, t: int, state: State) -> tuple[Tensor, State]:
        proposed = luminance(x0, luminance_range)
        rectified, state = rectify(proposed, t, state)
        return x0 + (rectified - proposed) / luminance_range.slope, state

    return rectify_rgb
