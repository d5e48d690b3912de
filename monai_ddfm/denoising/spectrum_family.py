# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The spectra that scanners' noise has, fitted to what was measured: white, and with it blurred or ramp-filtered."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from monai_ddfm.denoising.block_spectra import BlockSpectra

__all__ = ["spectrum_of_family"]

_CUTOFFS = (0.02, 1.5, 61)  # cycles per voxel, lowest and highest, and how many; geometric
_RAMPS = (0, 1)  # power of the frequency: images that were blurred or interpolated, CT's filtered back-projection
_TAIL = 0.03  # of the highest power: less is known in proportion to that
_USUAL = 0.15  # relative error of a ring that noise and few blocks explain; anatomy is beyond it
_ROUNDS = 6  # of reweighting
_FITS = 0.2  # mean of log(1 + (error / usual)²), up to which a spectrum is one of these
_REST = 0.15  # of the variance: what is beside white noise and no more than that is anatomy


def spectrum_of_family(floor: Tensor, spectra: BlockSpectra) -> Tensor | None:
    """Return the scanner's spectrum that explains the power measured in blocks, None where none does.

    N(f) = a f^p exp(-(f / f₀)²) + b, a and b at least 0: p = 0 is noise that was blurred or interpolated, p = 1 that of
    CT's ramp with its apodisation, b white. What the blocks' window makes of it is compared with what was measured,
    ring by ring, each as certain as it holds frequencies; rings that disagree count little (Geman and McClure 1987's
    reweighting for the log-Cauchy loss), as the lowest ones do where anatomy is left in them or hides the noise. The
    lowest frequencies, where least is measured, thus follow from all the others.

    Args:
        floor: power of the noise in each ring of windowed blocks ``[R]``, 0 or more.
        spectra: of the blocks.

    Returns:
        power at `BlockSpectra.radii` ``[R]``.
    """
    radii = spectra.radii.double()
    measured = floor[1:].double().cpu()
    top = float(measured.max())
    if not top > 0.0:
        return None
    lowest, highest, count = _CUTOFFS
    cutoffs = torch.logspace(math.log10(lowest), math.log10(highest), count, dtype=torch.float64)
    shapes = torch.cat([radii**ramp * torch.exp(-((radii / cutoffs[:, None]) ** 2)) for ramp in _RAMPS])
    shapes = torch.cat([torch.zeros_like(shapes[:1]), shapes])  # the first: white noise alone
    transfer = spectra.transfer.double()
    certain = spectra.weights[1:].double() * (torch.arange(1, len(radii)) <= spectra.size // 2)  # not the corners
    columns = torch.stack([shapes @ transfer.T, (transfer @ torch.ones_like(radii)).expand(len(shapes), -1)], dim=-1)
    scale = (measured + _TAIL * top).reciprocal()
    weight = certain.expand(len(shapes), -1)
    for _ in range(_ROUNDS):
        factors = _not_negative(columns * scale[:, None], measured * scale, weight)
        error = ((columns @ factors[..., None])[..., 0] - measured) * scale / _USUAL
        weight = certain / (1.0 + error.square())
    cost = torch.log1p(error.square()) @ certain / certain.sum()
    best = int(cost.argmin())
    if float(cost[best]) > _FITS:
        return None
    white, other = factors[best, 1], factors[best, 0] * shapes[best]
    variance = spectra.weights.double() @ other
    return (white + other * (variance > _REST * (variance + white))).to(floor)


def _not_negative(columns: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Least squares with two factors of at least 0, ``[S, 2]``, for columns ``[S, R, 2]`` and weights ``[S, R]``."""
    weighted = columns * weight[..., None]
    square = weighted.transpose(1, 2) @ columns  # [S, 2, 2]
    right = weighted.transpose(1, 2) @ wanted  # [S, 2]
    alone = right / square.diagonal(dim1=1, dim2=2).clamp_min(1e-300)
    determinant = (square[:, 0, 0] * square[:, 1, 1] - square[:, 0, 1] ** 2).clamp_min(1e-300)
    first = (right[:, 0] * square[:, 1, 1] - right[:, 1] * square[:, 0, 1]) / determinant
    second = (right[:, 1] * square[:, 0, 0] - right[:, 0] * square[:, 0, 1]) / determinant
    none = torch.zeros_like(first)
    both = torch.stack([first, second], dim=1)
    only_first, only_second = torch.stack([alone[:, 0], none], 1), torch.stack([none, alone[:, 1]], 1)
    return torch.where((second < 0.0)[:, None], only_first, torch.where((first < 0.0)[:, None], only_second, both))
