# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How the noise of a source grows with brightness (counts) and changes with place (coils, the middle of a body)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from monai_ddfm.blocks import on_one_thread
from monai_ddfm.denoising.block_spectra import BlockSpectra
from monai_ddfm.denoising.noise_floor import settled_floor, surely_noise
from monai_ddfm.denoising.noise_model import SmoothPlace
from monai_ddfm.denoising.tissue_blocks import TissueBlocks, local_mean

__all__ = ["LocalNoise", "local_noise"]

_QUANTILE = 0.2  # as of the noise's floor
_GROUP = 40  # blocks that a level is told from
_LEVELS = 6  # of brightness
_GROWS = 1.5  # times more variance in bright than in faint tissue: counts
_LEAST = 0.02  # of the variance in bright tissue, where counts are next to none
_SOME = 50_000  # voxels, for a mean
_CELLS = 3  # along each axis
_CHANGES = 1.5  # times more noise in one place than in another, in standard deviations
_FREQUENCIES = 150  # of a block, that are needed to tell its noise: smooth noise has too few ...
_FREQUENCIES_OF_COUNTS = 30  # ... except for the few levels of brightness
_RIDGE = 0.005  # of the polynomial's terms


@dataclass(frozen=True)
class LocalNoise:
    """What `NoiseModel` calls gain and place.

    Attributes:
        gain: brightness and relative standard deviation.
        place: relative standard deviation in world coordinates.
        affine: row, column and slice to world.
    """

    gain: tuple[tuple[float, float], ...] | None = None
    place: SmoothPlace | None = None
    affine: Tensor | None = None

    def variance(self, brightness: Tensor, centre: Tensor) -> Tensor:
        """Relative variance of the noise ``[N]`` at a local brightness ``[N]`` and row, column and slice ``[N, 3]``."""
        variance = torch.ones_like(brightness)
        if self.gain is not None:
            at, relative = (np.array(column) for column in zip(*self.gain, strict=True))
            variance = torch.from_numpy(np.interp(brightness.numpy(), at, relative) ** 2).to(variance)
        if self.place is not None and self.affine is not None:
            variance = variance * self.place.at(_world(centre, self.affine)).to(variance).square()
        return variance

    def evened(self, blocks: TissueBlocks) -> TissueBlocks:
        """The blocks as if the noise were the same everywhere."""
        variance = self.variance(blocks.brightness, blocks.centre)
        return blocks._replace(power=blocks.power / variance[:, None], activity=blocks.activity / variance)

    def mean_variance(self, slices: Tensor, tissue: Tensor) -> float:
        """Mean relative variance over the voxels of slices ``[D, H, W]`` that are tissue."""
        if self.gain is None and self.place is None:
            return 1.0
        voxels = tissue.flatten().nonzero()[:, 0]
        voxels = torch.stack(torch.unravel_index(voxels[:: max(1, len(voxels) // _SOME)], tissue.shape), dim=1)
        smooth = slices if self.gain is None else local_mean(slices)  # place alone does not ask for brightness
        brightness = smooth[tuple(voxels.T)].cpu()
        variance = self.variance(brightness, voxels.roll(-1, dims=1).cpu())
        return float(on_one_thread(variance.mean, variance.device))


def local_noise(
    blocks: TissueBlocks, floor: Tensor, spectra: BlockSpectra, functional: bool, affine: Tensor
) -> LocalNoise:
    """Tell how the noise of `floor` ``[R]`` depends on brightness (`functional`: PET and SPECT) or else on place.

    Args:
        blocks: of tissue.
        floor: power of the noise in each ring.
        spectra: of the blocks.
        functional: whether voxels are counts.
        affine: row, column and slice to world.
    """
    needed = _FREQUENCIES_OF_COUNTS if functional else _FREQUENCIES
    sure = surely_noise(blocks, floor)
    if functional and _frequencies(sure, spectra) < needed:  # noise that grows with brightness looks like anatomy
        evened = _as_of_counts(blocks).evened(blocks)
        floor = settled_floor(evened, spectra)
        sure = surely_noise(evened, floor)
    if _frequencies(sure, spectra) < needed:
        return LocalNoise()
    weight = spectra.weights.to(floor) * sure
    relative = (blocks.power[:, sure] / floor[sure]) @ (weight[sure] / weight.sum())
    return _by_brightness(blocks, relative) if functional else _by_place(blocks, relative, affine)


def _frequencies(rings: Tensor, spectra: BlockSpectra) -> float:
    return float(spectra.weights[rings].sum()) * spectra.size**2


def _as_of_counts(blocks: TissueBlocks) -> LocalNoise:
    """What the noise of pure counts would be: its variance grows in proportion to brightness."""
    low, high = blocks.brightness.aminmax()
    at = torch.linspace(float(low), float(high), _LEVELS)
    relative = torch.linspace(_LEAST, 1.0, _LEVELS).sqrt()
    return LocalNoise(gain=tuple(zip(at.tolist(), relative.tolist(), strict=True)))


def _level(relative: Tensor, activity: Tensor) -> float:
    """Relative variance of some blocks; too few to extrapolate: a low quantile of the quiet ones."""
    quiet = activity.argsort()[: max(1, len(activity) // 2)]
    return float(relative[quiet].quantile(_QUANTILE))


def _by_brightness(blocks: TissueBlocks, relative: Tensor) -> LocalNoise:
    groups = blocks.brightness.argsort().chunk(max(1, min(_LEVELS, len(relative) // _GROUP)))
    if len(groups) < 3:
        return LocalNoise()
    brightness = np.array([float(blocks.brightness[group].mean()) for group in groups])
    variance = np.array([_level(relative[group], blocks.activity[group]) for group in groups])
    variance = np.maximum.accumulate(variance)
    if variance[-1] < _GROWS * max(variance[0], 1e-6):
        return LocalNoise()
    slope = (variance[-1] - variance[0]) / (brightness[-1] - brightness[0])
    brightest = float(blocks.brightness.max()) + float(brightness[-1] - brightness[0])
    table_at = [*brightness.tolist(), brightest]
    table = np.array([*variance, variance[-1] + slope * (brightest - brightness[-1])]).clip(_LEAST * variance[-1])
    return LocalNoise(gain=tuple(zip(table_at, np.sqrt(table).tolist(), strict=True)))


def _by_place(blocks: TissueBlocks, relative: Tensor, affine: Tensor) -> LocalNoise:
    world = _world(blocks.centre, affine)
    cell = torch.zeros(len(world), dtype=torch.long)
    for axis in range(3):
        edges = torch.quantile(blocks.centre[:, axis].float(), torch.linspace(0, 1, _CELLS + 1)[1:-1])
        cell = cell * _CELLS + torch.bucketize(blocks.centre[:, axis].float().contiguous(), edges)
    chosen = [members for members in ((cell == c).nonzero().flatten() for c in cell.unique()) if len(members) >= _GROUP]
    if len(chosen) < 2 * _CELLS:
        return LocalNoise()
    centre = world.mean(0)
    extent = float((world - centre).abs().max().clamp_min(1e-6))
    levels = torch.tensor([_level(relative[members], blocks.activity[members]) for members in chosen])
    basis = SmoothPlace.basis(torch.stack([(world[members].mean(0) - centre) / extent for members in chosen]))
    ridge = _RIDGE * len(chosen) * torch.eye(basis.shape[1], dtype=basis.dtype)
    ridge[0, 0] = 0.0
    logs = 0.5 * levels.clamp_min(1e-3).double().log()
    terms = torch.linalg.solve(basis.T @ basis + ridge, basis.T @ logs)
    place = SmoothPlace(tuple(centre.tolist()), extent, tuple(terms.tolist()))
    least, most = torch.quantile(place.at(world), torch.tensor([0.05, 0.95], dtype=world.dtype)).tolist()
    return LocalNoise(place=place, affine=affine) if most > _CHANGES * least else LocalNoise()


def _world(centre: Tensor, affine: Tensor) -> Tensor:
    """World coordinates ``[N, 3]`` of row, column and slice ``[N, 3]``."""
    affine = affine.double()
    return centre.double() @ affine[:3, :3].T + affine[:3, 3]
