# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where there is something to fuse."""

from __future__ import annotations

from torch import Tensor

__all__ = ["BACKGROUND", "foreground_box", "has_foreground"]

BACKGROUND = -0.98  # a voxel is background where no source rises above one percent of its range


def has_foreground(sources: Tensor) -> Tensor:
    """Return which voxels are not background, ``[B, 1, *spatial]``, for sources ``[B, K, *spatial]`` in [-1, 1]."""
    return (sources > BACKGROUND).any(dim=1, keepdim=True)


def foreground_box(sources: Tensor, margin: int) -> tuple[slice, slice]:
    """Return rows and columns of the box around all tissue of slices ``[D, K, H, W]``, and `margin` around that."""
    tissue = has_foreground(sources)[:, 0].any(dim=0)
    box = []
    for axis, size in enumerate(tissue.shape):
        occupied = tissue.any(dim=1 - axis).nonzero().flatten()
        box.append(slice(max(0, int(occupied[0]) - margin), min(size, int(occupied[-1]) + 1 + margin)))
    return box[0], box[1]
