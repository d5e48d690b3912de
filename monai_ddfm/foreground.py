# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where there is something to fuse, and the levels that tell.

Four questions are asked of a voxel in [-1, 1], and each has its own level, since a wrong answer costs something else.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["BACKGROUND", "BODY", "EMPTY", "TISSUE", "emptiness", "foreground_box", "has_foreground"]

EMPTY = -1.0 + 1e-6
"""Is it nothing at all? Then a fusion must leave it so: up to rounding the lowest value there is."""
BACKGROUND = -0.98
"""Need it be fused? One percent of the range is what no display shows; a voxel left out here is the anchor's own."""
BODY = -0.95
"""Is there anatomy to learn from in a training crop? Above 2.5 percent, so that faint air noise fills no crop."""
TISSUE = -0.9
"""Is it bright enough to measure noise on, or to count a slice in a metric? Above five percent of the range."""


def has_foreground(sources: Tensor) -> Tensor:
    """Return which voxels are not background, ``[B, 1, *spatial]``, for sources ``[B, K, *spatial]`` in [-1, 1]."""
    return sources.amax(dim=1, keepdim=True) > BACKGROUND


def emptiness(sources: Tensor) -> Tensor:
    """Return 1 where all sources are nothing at all, else 0, ``[B, 1, *spatial]`` of the sources' own type.

    To multiply with: where torch fills by a mask of booleans, a CPU takes forty times as long.
    """
    return sources.amax(dim=1, keepdim=True).le_(EMPTY)


def foreground_box(sources: Tensor, margin: int) -> tuple[slice, slice]:
    """Return rows and columns of the box around all foreground of slices ``[D, K, H, W]``, and `margin` around that."""
    occupied_pixels = has_foreground(sources)[:, 0].any(dim=0)
    box = []
    for axis, size in enumerate(occupied_pixels.shape):
        occupied = occupied_pixels.any(dim=1 - axis).nonzero().flatten()
        box.append(slice(max(0, int(occupied[0]) - margin), min(size, int(occupied[-1]) + 1 + margin)))
    return box[0], box[1]
