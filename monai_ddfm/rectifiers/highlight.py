# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The anchor with uptake lit up in it: for systems that show one grey series and read its values as anatomy."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from monai_ddfm.foreground import has_foreground
from monai_ddfm.rectifiers.base import Rectifier

__all__ = ["HighlightRectifier", "HighlightState"]


class HighlightState(NamedTuple):
    """What does not change from timestep to timestep.

    Attributes:
        solution: the anchor with uptake lit up, ``[B, 1, *spatial]``.
        opacity: share of the light, ``[B, 1, *spatial]``.
    """

    solution: Tensor
    opacity: Tensor


class HighlightRectifier(Rectifier[HighlightState]):
    """f = (1 - o) (1 - headroom) a + o, in [0, 1]: a the anchor, o the opacity of the uptake.

    The anchor is scaled, never bent: without uptake the result is proportional to its value, the same in all slices.
    The headroom above the brightest anatomy is for uptake alone: o is `step` at `threshold` and 1 at the highest
    uptake, and with a step above 1 - headroom the faintest that is lit, in black air, is brighter than all anatomy
    (within the anchor's window). Of several sources the brightest counts. This is an annotation: its light is not an
    intensity of any source.

    Args:
        threshold: uptake (or statistical map, or activation) in [0, 1] from which on it is lit.
        step: opacity at the threshold; the anatomy is seen through the rest.
        headroom: share of the range above anatomy.
        spatial_dims: 2 for slices, 3 for volumes; every voxel is treated alone.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self, threshold: float = 0.4, step: float = 0.75, headroom: float = 0.3, spatial_dims: int = 2
    ) -> None:
        for name, value in (("threshold", threshold), ("step", step), ("headroom", headroom)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
        if spatial_dims not in (2, 3):
            raise ValueError(f"spatial_dims must be 2 (slices) or 3 (volumes), got {spatial_dims}")
        self.threshold = threshold
        self.step = step
        self.headroom = headroom
        self.spatial_dims = spatial_dims

    def start(self, sources: Tensor) -> HighlightState:
        """Light the uptake up.

        Raises:
            ValueError: fewer than two sources.
        """
        if sources.ndim != self.spatial_dims + 2 or sources.shape[1] < 2:
            raise ValueError(f"sources must be [B, K, *spatial] with K of 2 or more, got {tuple(sources.shape)}")
        anchor, *others = ((sources + 1.0) / 2.0).split(1, dim=1)
        uptake = torch.stack(others).amax(dim=0)
        ramp = (uptake - self.threshold) / (1.0 - self.threshold)
        opacity = (self.step + (1.0 - self.step) * ramp) * (uptake >= self.threshold) * has_foreground(sources)
        lit = (1.0 - opacity) * (1.0 - self.headroom) * anchor + opacity
        return HighlightState(2.0 * lit - 1.0, opacity)

    def __call__(
        self, x0: Tensor, sources: Tensor, state: HighlightState, sigma: float
    ) -> tuple[Tensor, HighlightState]:
        """Return the answer whatever was proposed, see `Rectifier.__call__`."""
        return state.solution, state

    @property
    def decides_alone(self) -> bool:
        """True: no proposal changes the answer."""
        return True

    def needs_prior(self, state: HighlightState) -> bool:
        """Return False: no proposal changes the answer."""
        return False

    def solve(self, sources: Tensor, state: HighlightState) -> Tensor:
        """Return the answer, ``[B, 1, *spatial]``."""
        return state.solution

    def provenance(self, fused: Tensor, sources: Tensor, state: HighlightState) -> Tensor:
        """Share of the anchor, and of the brightest other source at each voxel, ``[B, K, *spatial]``."""
        others = sources[:, 1:]
        brightest = (others == others.amax(dim=1, keepdim=True)).to(sources)
        return torch.cat([1.0 - state.opacity, state.opacity * brightest / brightest.sum(1, keepdim=True)], dim=1)
