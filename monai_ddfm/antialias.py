# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the voxels of a coarser grid average: the Gaussian that goes before interpolation onto it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["antialiased", "autocorrelation", "steps_between", "taps", "transfer"]

_FWHM = 2.0 * math.sqrt(2.0 * math.log(2.0))  # of a Gaussian of standard deviation 1
_NONE = 0.2  # voxels; below, a neighbour weighs less than 4e-6
_TRUNCATE = 4.0  # standard deviations


def steps_between(before: torch.Tensor, after: torch.Tensor) -> tuple[float, ...]:
    """Return how many voxels of one grid, along each of its axes, a step on another grid is.

    Args:
        before: affine ``[4, 4]`` of the grid that is read.
        after: affine of the grid that is filled.
    """
    steps = torch.linalg.solve(before[:3, :3].double(), after[:3, :3].double())
    return tuple(steps.norm(dim=1).tolist())


def taps(step: float) -> NDArray[np.float64]:
    """Return the weights of the Gaussian for steps of so many voxels; of one voxel or less they are ``[1]``.

    A voxel is taken for a Gaussian whose full width at half maximum is its side; what turns the finer grid's into the
    coarser one's is a Gaussian of FWHM √(step² - 1) (Cardoso et al., Scale factor point spread function matching:
    beyond aliasing in image resampling, MICCAI 2015).
    """
    sigma = math.sqrt(max(step**2 - 1.0, 0.0)) / _FWHM
    if sigma < _NONE:
        return np.ones(1)
    reach = math.ceil(_TRUNCATE * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def transfer(step: float, frequencies: NDArray[Any]) -> NDArray[np.float64]:
    """Return what the Gaussian leaves of an amplitude, at frequencies in cycles per voxel of the finer grid."""
    weights = taps(step)
    shifts = np.arange(len(weights)) - len(weights) // 2
    return np.cos(2.0 * np.pi * frequencies[..., None] * shifts) @ weights


def autocorrelation(step: float) -> NDArray[np.float64]:
    """Return that of the Gaussian followed by linear interpolation, averaged over where the new voxels fall.

    Element L is the weight that noise of two voxels L apart has in the variance.
    """
    weights = taps(step)
    linear = np.array([1.0, 4.0, 1.0]) / 6.0
    both_sides = np.convolve(np.correlate(weights, weights, "full"), linear)
    return both_sides[len(both_sides) // 2 :]


def antialiased(img: torch.Tensor, steps: Sequence[float]) -> torch.Tensor:
    """Return an image ``[C, H, W, D]`` smoothed along each axis for steps of so many voxels, or as it is.

    Beyond its border the image goes on as its outermost voxels.
    """
    for axis, step in enumerate(steps, start=1):
        weights = taps(step).tolist()
        if len(weights) > 1:
            img = _correlated(img, weights, axis)
    return img


def _correlated(img: torch.Tensor, weights: Sequence[float], axis: int) -> torch.Tensor:
    count, reach = img.shape[axis], len(weights) // 2
    sides = [img.narrow(axis, end, 1).repeat_interleave(reach, axis) for end in (0, count - 1)]
    longer = torch.cat([sides[0], img, sides[1]], dim=axis)
    smooth = torch.zeros_like(img, dtype=img.dtype if img.is_floating_point() else torch.float32)
    for shift, weight in enumerate(weights):
        smooth.add_(longer.narrow(axis, shift, count), alpha=weight)
    return smooth
