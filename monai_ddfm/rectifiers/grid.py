# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Differences, local means and local ranges on 2-D and 3-D grids: the arithmetic the rectifier's terms share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import torch
from torch import Tensor

from monai_ddfm.blocks import by_blocks, for_each, spans

__all__ = [
    "at_edges",
    "box_mean",
    "difference",
    "gradient_energy",
    "image_mean",
    "local_range",
    "over_sources",
    "per_source",
    "spatial_axes",
    "total",
]

_RUN = 64  # floats: four lines of cache, below which a strip of columns is no longer read in runs


def spatial_axes(x: Tensor) -> range:
    """Return the axes of ``[B, C, *spatial]`` after batch and channel."""
    return range(2, x.ndim)


def per_source(values: Tensor, like: Tensor) -> Tensor:
    """View ``[B, K]`` so that it broadcasts with ``[B, K, *spatial]``."""
    return values.reshape(values.shape + (1,) * (like.ndim - 2))


def over_sources(x: Tensor) -> Tensor:
    """Sum over the sources, ``[B, 1, *spatial]``; torch's own is slow along an axis that short."""
    return reduce(Tensor.add, x.split(1, dim=1))


def total(x: Tensor) -> Tensor:
    """Sum over the spatial axes, ``[B, C]``, always in the same order.

    A sum over all of them at once is shared by threads, and rounds by how many there are and by the layout in memory.
    """
    x = x.contiguous()
    while x.ndim > 2:
        x = x.sum(-1)
    return x


def image_mean(x: Tensor) -> Tensor:
    """Mean of each image ``[B, 1, *spatial]``, ``[B]``, added up as by `total`."""
    return total(x)[:, 0] / math.prod(x.shape[2:])


def difference(x: Tensor, axis: int) -> Tensor:
    """Forward difference ``x[i + 1] - x[i]`` along `axis`, same shape; 0 at the far border (Neumann)."""
    out, n = torch.empty_like(x), x.shape[axis] - 1
    torch.sub(x.narrow(axis, 1, n), x.narrow(axis, 0, n), out=out.narrow(axis, 0, n))
    out.narrow(axis, n, 1).zero_()
    return out


def at_edges(x: Tensor, axis: int) -> Tensor:
    """Mean of the two ends of each edge ``i -> i + 1`` along `axis`, same shape; the far border keeps its value."""
    out, n = torch.empty_like(x), x.shape[axis] - 1
    torch.add(x.narrow(axis, 0, n), x.narrow(axis, 1, n), out=out.narrow(axis, 0, n)).mul_(0.5)
    out.narrow(axis, n, 1).copy_(x.narrow(axis, n, 1))
    return out


def gradient_energy(x: Tensor) -> Tensor:
    """Squared length of the gradient, same shape: along each axis the mean over the edges on either side.

    Both sides alike, so that a mirrored image has the mirrored energy.
    """
    energy = torch.zeros_like(x)
    for axis in spatial_axes(x):
        n = x.shape[axis] - 1
        step = x.narrow(axis, 1, n) - x.narrow(axis, 0, n)
        energy.narrow(axis, 0, n).addcmul_(step, step)
        energy.narrow(axis, 1, n).addcmul_(step, step)
    return energy.mul_(0.5)


def box_mean(x: Tensor, window: Sequence[int], out: Tensor | None = None) -> Tensor:
    """Mean over a box of odd side lengths, one per spatial axis, the border value repeated outside the image.

    Sums of 2, 4, 8, ... neighbours are made of each other, and the window's of these: log2(size) additions, no running
    sum whose rounding grows along the axis. Each value is added up in the same order wherever a block is cut.

    Args:
        x: ``[B, C, *spatial]``.
        window: side lengths.
        out: contiguous, where the answer goes; may be `x` itself.
    """
    if out is None:
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
    done = x
    for axis, size in zip(spatial_axes(x), window, strict=True):
        if size > 1:
            _mean_along(done, axis, size, out)
            done = out
    return out if done is out else out.copy_(x)


def _mean_along(x: Tensor, axis: int, size: int, out: Tensor) -> None:
    """Mean of `size` neighbours along one axis, block by block, each with all of the axis; `out` may be `x`."""
    n, inner = x.shape[axis], x.shape[axis + 1 :].numel()
    rows, means = (whole.reshape(-1, n, inner) for whole in (x, out))  # a view of `out`, which is contiguous
    blocks = [
        (slice(first, end), slice(None), slice(left, right))
        for first, end in spans(len(rows), n * inner, x.device)
        for left, right in spans(inner, n * (end - first), x.device, at_least=_RUN)
    ]

    def average(block: tuple[slice, slice, slice], _: bool) -> None:
        torch.div(_window_sum(_repeat_border(rows[block], size // 2), size), size, out=means[block])

    for_each(blocks, average, x.device)


def _repeat_border(x: Tensor, margin: int) -> Tensor:
    """``[N, n, inner]`` with the first and the last row repeated `margin` times."""
    return torch.cat([x[:, :1].expand(-1, margin, -1), x, x[:, -1:].expand(-1, margin, -1)], dim=1)


def _window_sum(x: Tensor, size: int) -> Tensor:
    """Sum of each `size` neighbours along the middle axis of ``[N, n + size - 1, inner]``; n rows."""
    n = x.shape[1] - size + 1
    total, counted, width = x[:, :n], 1, 1  # the size is odd
    while 2 * width <= size:
        x, width = x[:, :-width] + x[:, width:], 2 * width  # sums of `width` neighbours
        if size & width:
            further = x[:, counted : counted + n]
            total = total + further if counted == 1 else total.add_(further)
            counted += width
    return total


def local_range(sources: Tensor, size: int = 3) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of all sources in a neighbourhood.

    Args:
        sources: ``[B, K, *spatial]``.
        size: odd side length of the neighbourhood, the same along every axis.

    Returns:
        low and high ``[B, 1, *spatial]``.
    """
    low, high = by_blocks(lambda block: _range_of(block, size // 2), sources, halo=size // 2)
    return low, high


def _range_of(sources: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    low, high = sources.amin(1, keepdim=True), sources.amax(1, keepdim=True)
    for axis in spatial_axes(sources):
        low, high = _extreme_along(low, axis, reach, torch.minimum), _extreme_along(high, axis, reach, torch.maximum)
    return low, high


def _extreme_along(x: Tensor, axis: int, reach: int, extreme: Callable[..., Tensor]) -> Tensor:
    """Smallest or largest value within `reach` voxels on either side along one axis."""
    out = x.clone()
    for step in range(1, min(reach, x.shape[axis] - 1) + 1):
        n = x.shape[axis] - step
        for near, far in ((0, step), (step, 0)):
            part = out.narrow(axis, near, n)
            extreme(part, x.narrow(axis, far, n), out=part)
    return out
