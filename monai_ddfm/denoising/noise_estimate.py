# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How noisy the sources are, from their finest diagonal wavelet band."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.blocks import for_each
from monai_ddfm.foreground import BACKGROUND

__all__ = ["estimate_noise"]

# Daubechies' wavelet with two vanishing moments: no answer to constant and linear shading.
_ROOT3 = math.sqrt(3.0)
_DB2 = [tap / math.sqrt(32.0) for tap in (1 - _ROOT3, _ROOT3 - 3, 3 + _ROOT3, -1 - _ROOT3)]
_MAD_TO_SIGMA = 1.4826 * 1.07  # of a normal distribution; quiet squares of white noise answer 7 percent too little
_BLOCK = 16  # voxels; the side of the squares that are looked at one by one
_VOXELS_AT_ONCE = 2**20  # what is temporary is a few times as large
_SLICES = 48  # of a volume are looked at; all of them change the level by a percent
_QUIET = 0.25  # noise is everywhere, anatomy is not: the quarter of the squares with the smallest answer decides


def estimate_noise(sources: Tensor, background: float = BACKGROUND, saturation: float = 0.999) -> Tensor:
    """Estimate the standard deviation of the white noise in each source (Donoho and Johnstone 1994, robust).

    The median absolute deviation of the undecimated diagonal wavelet band is taken in squares of 16 x 16 voxels of
    tissue; a low quantile over the squares is the noise level, because fine anatomy raises some squares and noise
    raises all. Voxels whose neighbourhood touches background or saturates say nothing and are left out.

    Args:
        sources: ``[B, K, *spatial]`` in [-1, 1]; the last two axes are a slice, the others before are treated as more
            squares of the same image.
        background: up to this value a voxel is background.
        saturation: from this value on a voxel is saturated.

    Returns:
        standard deviations ``[B, K]`` in the units of `sources`, 0 for a source without enough tissue.
    """
    batch, channels, *spatial = sources.shape
    if min(spatial[-2:]) < len(_DB2):
        return sources.new_zeros(batch, channels)
    slices = sources.reshape(batch, channels, -1, *spatial[-2:])
    if slices.shape[2] > _SLICES:  # not every n-th, since interpolated slices may take turns
        places = torch.linspace(0, slices.shape[2] - 1, _SLICES).round().long()
        slices = torch.stack([slices[:, :, place] for place in places.tolist()], dim=2)
    at_once = max(1, _VOXELS_AT_ONCE // (batch * channels * math.prod(spatial[-2:])))
    parts = slices.split(at_once, dim=2)
    levels: list[Tensor] = [slices] * len(parts)

    def measure(index: int, _: bool) -> None:
        levels[index] = _levels(parts[index], background, saturation)

    for_each(range(len(parts)), measure, slices.device)
    return _MAD_TO_SIGMA * torch.cat(levels, dim=-1).nanquantile(_QUIET, dim=-1).nan_to_num(0.0)


def _levels(slices: Tensor, background: float, saturation: float) -> Tensor:
    """Median of the band's magnitude in each square of slices ``[B, K, n, H, W]``: ``[B, K, squares]``, NaN for few."""
    images = slices.reshape(-1, 1, *slices.shape[-2:])
    diagonal, highest, lowest = images, images, images
    for axis in (2, 3):  # along one axis and then along the other, which is several times as fast as all at once
        diagonal = _filtered(diagonal, axis)
        highest, lowest = _extreme(highest, axis, torch.maximum), _extreme(lowest, axis, torch.minimum)
    inside = lowest.gt_(background).mul_(highest.lt_(saturation))  # 1 or 0
    band = diagonal.abs_().add_(inside.reciprocal_().mul_(0))  # NaN outside, which is infinity times 0
    squares = _squares(band).reshape(*slices.shape[:2], -1, _BLOCK * _BLOCK)
    enough = squares.isnan().logical_not().sum(-1) >= _BLOCK * _BLOCK // 4
    return squares.nanmedian(-1).values.masked_fill(~enough, torch.nan)


def _filtered(images: Tensor, axis: int) -> Tensor:
    """Correlate with the wavelet along an axis, where all of it is within."""
    count = images.shape[axis] - len(_DB2) + 1
    answer = images.narrow(axis, 0, count) * _DB2[0]
    for place, tap in enumerate(_DB2[1:], start=1):
        answer.add_(images.narrow(axis, place, count), alpha=tap)
    return answer


def _extreme(images: Tensor, axis: int, extreme: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Smallest or largest of four neighbours along an axis, as many as the wavelet has taps: of pairs of pairs."""
    for step in (1, 2):
        count = images.shape[axis] - step
        images = extreme(images.narrow(axis, 0, count), images.narrow(axis, step, count))
    return images


def _squares(band: Tensor) -> Tensor:
    """Cut ``[N, 1, H, W]`` into ``[N, squares, 256]``, the rest filled with NaN."""
    height, width = band.shape[-2:]
    band = F.pad(band, (0, -width % _BLOCK, 0, -height % _BLOCK), value=torch.nan)
    return F.unfold(band, _BLOCK, stride=_BLOCK).transpose(1, 2)
