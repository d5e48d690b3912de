# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The power that is left where there is no anatomy."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.denoising.block_spectra import BlockSpectra
from monai_ddfm.denoising.tissue_blocks import TissueBlocks

__all__ = ["noise_floor", "settled_floor", "surely_noise"]

_QUANTILE = 0.2  # of the blocks of one activity: anatomy raises some of them, noise raises all
_QUIET = 0.5  # share of the blocks, the quietest, that are looked at
_GROUPS = 5
_FEWEST = 8  # blocks of a group
_ROUNDS = 3  # what noise adds to the activity follows from the floor, and the other way round
_HOLDS = 1.0 / 30.0  # of the highest power
_SURE = 0.75  # share of the power of quiet blocks that is noise


def noise_floor(power: Tensor, activity: Tensor, bias: Tensor, noise_activity: float = 0.0) -> Tensor:
    """Extrapolate the power of blocks to those without any anatomy.

    Blocks are sorted by how much anatomy they hold, told by data that share no noise with `power`. In groups of equal
    activity the noise is a low quantile of the power, corrected for what the quantile of pure noise is; over the groups
    it grows in proportion to the anatomy, and the straight line through them ends, at no activity, in the noise alone.

    Args:
        power: of each block in each ring, ``[N, R]``.
        activity: power of the anatomy in each block and of other noise, ``[N]``.
        bias: quantile 0.2 of pure noise of power 1, ``[R]``.
        noise_activity: what the noise alone adds to `activity`.

    Returns:
        power of the noise ``[R]``; 0 where anatomy leaves nothing.
    """
    order = activity.argsort()[: max(_FEWEST, round(_QUIET * len(activity)))]
    groups = order.chunk(max(1, min(_GROUPS, len(order) // _FEWEST)))
    level = torch.stack([power[group].quantile(_QUANTILE, dim=0) for group in groups]) / bias
    anatomy = (torch.stack([activity[group].mean() for group in groups]) - noise_activity).clamp_min(0.0)[:, None]
    weight = level.clamp_min(1e-30)
    weight = (weight.amin(0) / weight).square()  # power is known in proportion to itself
    weight = weight / weight.sum(0)
    mean_level, mean_anatomy = (weight * level).sum(0), (weight * anatomy).sum(0)
    spread = (weight * (anatomy - mean_anatomy).square()).sum(0)
    slope = (weight * (anatomy - mean_anatomy) * (level - mean_level)).sum(0) / spread.clamp_min(1e-30)
    return (mean_level - slope.clamp_min(0.0) * mean_anatomy).clamp_min(0.0)


def settled_floor(blocks: TissueBlocks, spectra: BlockSpectra) -> Tensor:
    """Return the noise in each ring ``[R]``, with what the noise adds to the blocks' activity taken into account."""
    bias, noise_activity = spectra.quantile_bias(_QUANTILE).to(blocks.power), 0.0
    for _ in range(_ROUNDS):
        floor = noise_floor(blocks.power, blocks.activity, bias, noise_activity)
        noise_activity = blocks.noise_in_activity * float(blocks.activity_weights @ floor)
    return floor


def surely_noise(blocks: TissueBlocks, floor: Tensor) -> Tensor:
    """Return in which rings ``[R]`` there is noise to speak of, and little else in the quietest blocks."""
    return (floor > _SURE * _quietest(blocks)) & (floor > _HOLDS * floor[1:].max())


def floor_of_pictures(blocks: TissueBlocks, spectra: BlockSpectra) -> Tensor:
    """Return the noise in each ring ``[R]`` where no other slice tells it from anatomy.

    From the highest frequencies, where anatomy is faintest, noise is followed down as long as the quietest blocks hold
    little else, and no further than to the rings that tell the activity. From there on it is taken to stay as it is.
    """
    floor = settled_floor(blocks, spectra)
    weights = torch.stack([spectra.weights * floor, spectra.weights * _quietest(blocks)])
    nearby = F.avg_pool1d(weights, 3, 1, 1)  # three rings together: one alone is told by chance
    sure = nearby[0] > _SURE * nearby[1]
    lowest, nyquist = int(blocks.activity_weights.nonzero().max()) + 2, spectra.size // 2
    known = [ring for ring in range(max(lowest, spectra.size // 4), nyquist + 1) if sure[ring]]
    if not known:
        return torch.zeros_like(floor)
    last = known[-1]
    while last > lowest and sure[last - 1]:
        last -= 1
    floor[:last] = nearby[0, last] / F.avg_pool1d(spectra.weights[None], 3, 1, 1)[0, last]
    return floor


def _quietest(blocks: TissueBlocks) -> Tensor:
    """Mean power in each ring of the quietest blocks."""
    count = max(_FEWEST, round(_QUIET / _GROUPS * len(blocks.activity)))
    return blocks.power[blocks.activity.argsort()[:count]].mean(dim=0)
