# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Differences, local means and local ranges on 2-D and 3-D grids: the arithmetic the rectifier's terms share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "at_edges",
    "box_mean",
    "difference",
    "gradient_energy",
    "local_range",
    "per_source",
    "spatial_axes",
]


def spatial_axes(x: Tensor) -> range:
    """Return the axes of ``[B, C, *spatial]`` after batch and channel."""
    return range(2, x.ndim)


def per_source(values: Tensor, like: Tensor) -> Tensor:
    """View ``[B, K]`` so that it broadcasts with ``[B, K, *spatial]``."""
    return values.reshape(values.shape + (1,) * (like.ndim - 2))


def difference(x: Tensor, axis: int) -> Tensor:
    """Forward difference ``x[i + 1] - x[i]`` along `axis`, same shape; 0 at the far border (Neumann)."""
    out = torch.zeros_like(x)
    n = x.shape[axis] - 1
    out.narrow(axis, 0, n).copy_(x.narrow(axis, 1, n) - x.narrow(axis, 0, n))
    return out


def at_edges(x: Tensor, axis: int) -> Tensor:
    """Mean of the two ends of each edge ``i -> i + 1`` along `axis`, same shape; the far border keeps its value."""
    out = x.clone()
    n = x.shape[axis] - 1
    out.narrow(axis, 0, n).add_(x.narrow(axis, 1, n)).mul_(0.5)
    return out


def gradient_energy(x: Tensor) -> Tensor:
    """Squared length of the gradient, same shape: along each axis the mean over the edges on either side.

    Both sides alike, so that a mirrored image has the mirrored energy.
    """
    energy = torch.zeros_like(x)
    for axis in spatial_axes(x):
        square = difference(x, axis).square_().mul_(0.5)
        energy += square
        n = x.shape[axis] - 1
        energy.narrow(axis, 1, n).add_(square.narrow(axis, 0, n))
    return energy


def box_mean(x: Tensor, window: Sequence[int]) -> Tensor:
    """Mean over a box of odd side lengths, one per spatial axis, the border value repeated outside the image."""
    for axis, size in zip(spatial_axes(x), window, strict=True):
        if size > 1:
            rows = F.pad(_as_rows(x, axis), (0, 0, size // 2, size // 2), mode="replicate")
            x = F.avg_pool2d(rows, (size, 1), stride=1).reshape(x.shape)
    return x


def local_range(sources: Tensor, size: int = 3) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of all sources in a neighbourhood.

    Args:
        sources: ``[B, K, *spatial]``.
        size: odd side length of the neighbourhood, the same along every axis.

    Returns:
        low and high ``[B, 1, *spatial]``.
    """
    high = torch.cat([-sources.amin(1, keepdim=True), sources.amax(1, keepdim=True)])
    for axis in spatial_axes(sources):
        high = F.max_pool2d(_as_rows(high, axis), (size, 1), stride=1, padding=(size // 2, 0)).reshape(high.shape)
    negated_low, high = high.chunk(2)
    return -negated_low, high


def _as_rows(x: Tensor, axis: int) -> Tensor:
    """View a tensor of any rank as ``[N, 1, axis, rest]``, so that a 2-D pooling of ``(n, 1)`` works along one axis."""
    return x.reshape(-1, 1, x.shape[axis], x.shape[axis + 1 :].numel())
