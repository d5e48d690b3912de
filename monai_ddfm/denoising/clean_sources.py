# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noisy sources cleaned by prior and likelihood before the rectifier compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.denoising.half_quadratic import Draw, Predict, Schedule, half_quadratic_splitting
from monai_ddfm.denoising.noise_likelihood import NoiseLikelihood
from monai_ddfm.denoising.noise_model import NoiseModel
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded

__all__ = [
    "THRESHOLD",
    "THRESHOLD_OF_PICTURES",
    "THRESHOLD_OF_WHITE_PICTURES",
    "NoisySource",
    "ask_prior",
    "clean_sources",
    "denoising_timesteps",
]

THRESHOLD = (0.08, 0.1)  # noise up to which a source is kept, and from which on it is replaced; of a range of 2
THRESHOLD_OF_PICTURES = (0.085, 0.11)  # measured on one slice alone, where fine texture looks like smooth noise ...
THRESHOLD_OF_WHITE_PICTURES = (0.06, 0.08)  # ... but never like white noise
_OF_GOOD_SCANS = 0.045  # white noise that measured volumes, and those that the prior was trained on, have when clean
_LEAST = 1e-3  # of the highest power
_NEIGHBOURHOOD = 7  # voxels
_EMPTY = 0.4  # share of voxels at -1; noise around -1 that is cut off there leaves half of a neighbourhood
_ROUNDING = 1e-6
_FAINT = 0.6  # times sigma above -1: where noise around -1 ends up when it was cut off, 0.4 sigma, and some more


class NoisySource(NamedTuple):
    """Slices of one source and their noise.

    Attributes:
        slices: ``[n, 1, H, W]`` in [-1, 1], noise may go beyond.
        noise: its model, in the same units.
        local: relative standard deviation at each voxel, of the same shape; None: the same everywhere.
        spacing: of the voxels, ``(H, W)``; None: of the grid that the noise was measured on.
        threshold: noise up to which the source is kept, and from which on it is replaced.
    """

    slices: Tensor
    noise: NoiseModel
    local: Tensor | None = None
    spacing: tuple[float, float] | None = None
    threshold: tuple[float, float] = THRESHOLD

    @property
    def share(self) -> float:
        """How much of it is to be replaced by its cleaned version, 0 to 1, without a step in between."""
        low, high = self.threshold
        return min(max((self.noise.std - low) / (high - low), 0.0), 1.0)

    def spectrum(self, shape: Sequence[int]) -> Tensor:
        """Power of the noise that is to go at each frequency, see `NoiseModel.spectrum`.

        Of what was measured on a volume, white noise as good scans have it stays: it is part of what the prior takes
        for clean, and cleaning it away costs fine texture.
        """
        power = self.noise.spectrum(shape, self.spacing)
        kept = _OF_GOOD_SCANS**2 if self.noise.measured else 0.0
        return (power - kept).clamp_min(_LEAST * float(power.max())) if kept else power


def clean_sources(
    sources: Sequence[NoisySource],
    predict: Predict,
    planes: Sequence[int] = (0,),
    at_most: int = 4,
    draw: Draw | None = None,
) -> list[Tensor]:
    """Replace noisy sources by estimates of the clean ones.

    Each is the minimiser of |F(y - x)|²/N + prior(x), see `half_quadratic_splitting`. Sources that are noisy together
    share the network's batches, all that have the same shape. Clean sources come back as they are: fine texture looks
    like faint noise, and must not be smoothed away.

    Args:
        sources: of the same shape.
        predict: the prior.
        planes: see `half_quadratic_splitting`.
        at_most: evaluations of each slice of a source.
        draw: see `half_quadratic_splitting`, by the number of the source: a draw of the clean source, and no estimate.

    Returns:
        their slices, those of noisy sources cleaned; background, also when noise was cut off there, is -1.
    """
    cleaned = [source.slices for source in sources]
    noisy = [index for index, source in enumerate(sources) if source.share > 0.0]
    if noisy:
        likelihoods = [NoiseLikelihood(sources[i].slices, sources[i].spectrum, sources[i].local) for i in noisy]
        schedules = [
            Schedule.of(sources[i].spectrum(likelihood.shape), at_most)
            for i, likelihood in zip(noisy, likelihoods, strict=True)
        ]
        white = None if draw is None else lambda index, step, shape: draw(noisy[index], step, shape)
        answers = half_quadratic_splitting(likelihoods, schedules, predict, planes, white)
        for i, answer in zip(noisy, answers, strict=True):
            y = sources[i].slices
            clean = _emptied(answer.clamp(-1.0, 1.0), y, sources[i].noise.std)
            cleaned[i] = torch.lerp(y, clean, sources[i].share)
    return cleaned


def _emptied(clean: Tensor, noisy: Tensor, sigma: float) -> Tensor:
    """Make background -1 again: noise that was cut off there has a mean above it, which the prior takes for tissue."""
    background = ((noisy + 1.0).abs() < _ROUNDING).to(noisy.dtype)
    share = F.avg_pool2d(background, _NEIGHBOURHOOD, 1, _NEIGHBOURHOOD // 2, count_include_pad=False)
    return clean.masked_fill((share > _EMPTY) & (clean < -1.0 + _FAINT * sigma), -1.0)


def denoising_timesteps(sigma: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Return the timesteps whose noise level √((1 - ᾱ_t) / ᾱ_t) is closest to each of ``sigma`` ``[N]``."""
    levels = torch.sqrt(1.0 / alphas_cumprod - 1.0).to(sigma)
    return (levels[None] - sigma[:, None]).abs().argmin(dim=1)


def ask_prior(prior: DiffusionPrior, images: Tensor, sigma: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the prior's estimate of clean slices from noisy ones: √ᾱ_t z is what it calls x_t where its noise is σ.

    Args:
        prior: the prior; an RGB prior sees slices grey and answers grey.
        images: z ``[n, 1, H, W]``, of any size.
        sigma: noise level of each ``[n]``.
        dtype: arithmetic of the network.
    """
    alphas_cumprod = prior.alphas_cumprod.to(sigma.device)  # once: a GPU's host waits for it
    timesteps = denoising_timesteps(sigma, alphas_cumprod)
    signal = alphas_cumprod[timesteps].sqrt().to(images.dtype).view(-1, 1, 1, 1)
    with torch.no_grad():
        x0 = predict_padded(prior, (signal * images).repeat(1, prior.channels, 1, 1), timesteps, dtype)
    return x0.mean(dim=1, keepdim=True).to(images.dtype)
