# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Blocks of tissue in a volume, with the difference to another slice in which noise is seen and anatomy is not."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.denoising.block_spectra import BlockSpectra

__all__ = ["TissueBlocks", "local_mean", "tissue_blocks", "tissue_mask", "void_mask"]

_WINDOW = 5  # voxels of the local mean
_TISSUE = 0.1  # of the range of local means: below is air
_UPTAKE = 0.02  # the same of PET and SPECT, whose range is that of a few hot voxels
_FREQUENT = 0.005  # share of the voxels that have one value, from which on it is a filling or a limit
_MOSTLY = 0.9  # share of a block that must be tissue
_PAIRS = 32  # of slices, evenly over the volume
_BLOCKS = 4000  # no more are needed


class TissueBlocks(NamedTuple):
    """N blocks of tissue, on the CPU.

    Attributes:
        power: of the difference in each ring, ``[N, R]``; noise that is independent between slices keeps its power.
        activity: mean power, at low frequencies, of the mean of both slices (of the picture itself), ``[N]``.
        brightness: mean of the block, ``[N]``.
        centre: row, column and slice in voxels, ``[N, 3]``.
        activity_weights: of the rings in `activity`, ``[R]``.
        noise_in_activity: what of the noise's power there the mean of both slices keeps.
    """

    power: Tensor
    activity: Tensor
    brightness: Tensor
    centre: Tensor
    activity_weights: Tensor
    noise_in_activity: float


def void_mask(slices: Tensor) -> Tensor:
    """Where slices ``[D, H, W]`` were filled or cut off: neighbours are equal, or the value is the smallest or largest.

    Only values that many voxels share count: in quantised images neighbours are equal by chance.
    """
    frequent = _FREQUENT * slices.numel()
    void, filled = torch.zeros_like(slices, dtype=torch.bool), _like_all_neighbours(slices)
    for limit in slices.aminmax():
        at_limit = slices == limit
        filled &= ~at_limit  # which leaves few to sort
        if int(at_limit.count_nonzero()) > frequent:  # several times as fast as a sum
            void |= at_limit
    _, places, counts = slices[filled].unique(return_inverse=True, return_counts=True)
    filled[filled.clone()] = (counts > frequent)[places]
    return void | filled


def _like_all_neighbours(slices: Tensor) -> Tensor:
    """Where the 3 x 3 voxels around each of ``[D, H, W]``, as far as there are any, are equal."""
    same = torch.ones_like(slices, dtype=torch.bool)
    columns, rows = slices[:, :, 1:] == slices[:, :, :-1], slices[:, 1:] == slices[:, :-1]
    same[:, :, 1:] &= columns
    same[:, :, :-1] &= columns  # each row's three
    row = same.clone()
    for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        same[:, here] &= rows
        same[:, here] &= row[:, there]
    return same


def local_mean(slices: Tensor) -> Tensor:
    """Mean of 5 x 5 voxels of each slice ``[D, H, W]``, along rows and then along columns."""
    means = torch.empty_like(slices)
    for one, mean in zip(slices, means, strict=True):  # a slice stays in cache
        mean.copy_(_mean_along(_mean_along(one, 1), 0))
    return means


def _mean_along(one: Tensor, axis: int) -> Tensor:
    """Mean of the 5 neighbours along an axis of a slice ``[H, W]``, of fewer at its ends; adding beats pooling."""
    total, count = one.clone(), one.new_ones(one.shape[axis])
    for step in range(1, min(_WINDOW // 2, one.shape[axis] - 1) + 1):
        kept = one.shape[axis] - step
        total.narrow(axis, step, kept).add_(one.narrow(axis, 0, kept))
        total.narrow(axis, 0, kept).add_(one.narrow(axis, step, kept))
        count[step:] += 1.0
        count[:kept] += 1.0
    return total.div_(count if axis else count[:, None])


def tissue_mask(slices: Tensor, functional: bool) -> Tensor:
    """Where slices ``[D, H, W]`` are clearly brighter than air, by their local mean: single voxels are noisy."""
    mean = local_mean(slices)
    some = mean.flatten()[:: max(1, mean.numel() // 100_000)]
    low, high = torch.quantile(some, torch.tensor([0.005, 0.995], dtype=some.dtype, device=some.device))
    return mean > low + (_UPTAKE if functional else _TISSUE) * (high - low)


def tissue_blocks(slices: Tensor, usable: Tensor, lag: int, spectra: BlockSpectra) -> TissueBlocks:
    """Cut blocks of tissue from pairs of slices.

    Args:
        slices: ``[D, H, W]``.
        usable: where there is tissue that was not cut off, of the same shape.
        lag: slices between the two of a pair, 0 for pictures, which are looked at alone.
        spectra: of the blocks.

    Returns:
        the blocks, none where no block is usable.
    """
    size, pairs = spectra.size, len(slices) - lag
    starts = torch.linspace(0, pairs - 1, min(pairs, _PAIRS)).round().long()  # indices stay on the CPU
    if lag:  # a slice that stands twice in the volume has no difference, and tells nothing
        apart = [(slices[s] - slices[s + lag]).abs_().amax() for s in starts.tolist()]
        starts = starts[torch.stack(apart).cpu() > 0.0]
    both = (usable[starts] & usable[starts + lag]).float()
    for step in (size // 2, size // 4):
        cells = F.avg_pool2d(both[:, None], step)  # whose means are exact, as are those of blocks made of them
        chosen = F.avg_pool2d(cells, size // step, 1)[:, 0] >= _MOSTLY
        if int(chosen.sum()) >= _BLOCKS // 4:
            break
    picks = chosen.nonzero().cpu()
    picks = picks[torch.linspace(0, len(picks) - 1, min(len(picks), _BLOCKS)).round().long()] if len(picks) else picks
    pair, row, column = picks.unbind(1)
    cut = _cut(slices, size, step)
    first, second = cut[starts[pair], row, column], cut[starts[pair] + lag, row, column]
    mean = (first + second) / 2.0
    difference = (second - first) / 2.0**0.5 if lag else mean
    smooth = spectra.power(mean).cpu()
    inside = torch.arange(len(spectra.radii)) < (size // 4 if lag else max(2, size // 10))
    share = spectra.weights.to(smooth) * inside.to(smooth)
    share[0] = 0.0  # the mean
    return TissueBlocks(
        power=spectra.power(difference).cpu() if lag else smooth,
        activity=smooth @ (share / share.sum()),
        brightness=mean.mean((-1, -2)).cpu(),
        centre=torch.stack([row * step + size / 2, column * step + size / 2, starts[pair] + lag / 2], dim=1),
        activity_weights=share / share.sum(),
        noise_in_activity=0.5 if lag else 1.0,
    )


def _cut(slices: Tensor, size: int, step: int) -> Tensor:
    """Overlapping blocks ``[n, rows, columns, size, size]``."""
    return slices.unfold(-2, size, step).unfold(-2, size, step)
