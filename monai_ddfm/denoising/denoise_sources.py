# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noisy sources cleaned by the prior before the rectifier compares them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.foreground import BACKGROUND
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded

__all__ = ["THRESHOLD", "denoise_sources", "denoising_timesteps"]

THRESHOLD = (0.05, 0.07)  # noise up to which a source is kept, and from which on it is replaced
_NEIGHBOURHOOD = 7  # voxels
_EMPTY = 0.4  # share of background voxels; noise around -1 leaves half of a neighbourhood there
_FAINT = 0.6  # times sigma above -1: where noise around -1 ends up when it was cut off, 0.4 sigma, and some more


def denoise_sources(
    sources: Tensor,
    sigma: Tensor,
    prior: DiffusionPrior,
    threshold: Sequence[float] = THRESHOLD,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Replace noisy sources by the prior's estimate of the clean ones.

    A source with noise of standard deviation σ_n, scaled by √ᾱ_t, is what the prior calls x_t at the timestep where
    √((1 - ᾱ_t) / ᾱ_t) = σ_n. Its x0 is then the mean of p(clean image | source) (Tweedie's formula), the best estimate
    in the mean square that this prior can give. Each image is treated alone. Clean sources come back as they are:
    fine texture looks like faint noise, and must not be smoothed away.

    Args:
        sources: ``[B, K, H, W]`` in [-1, 1], noise may go beyond.
        sigma: noise of each source ``[B, K]`` in the same units.
        prior: asked once for each noisy image.
        threshold: up to the first σ a source is kept, from the second on it is replaced; between them, both are mixed.
        dtype: arithmetic of the network.

    Returns:
        sources of the same shape; background, also when noise was cut off there, is -1.

    Raises:
        ValueError: `sigma` has another shape than ``[B, K]``, or the thresholds do not rise.
    """
    if sigma.shape != sources.shape[:2]:
        raise ValueError(
            f"sigma must have one number for each source, {tuple(sources.shape[:2])}, got {tuple(sigma.shape)}"
        )
    low, high = (float(edge) for edge in threshold)
    if not 0.0 <= low < high:
        raise ValueError(f"threshold must be two rising noise levels, got {list(threshold)}")
    images, levels = sources.flatten(0, 1)[:, None], sigma.flatten().to(sources)
    share = ((levels - low) / (high - low)).clamp(0.0, 1.0).view(-1, 1, 1, 1)
    noisy = share.flatten() > 0
    if not noisy.any():
        return sources
    chosen = images[noisy]
    x0 = _predict(prior, chosen, denoising_timesteps(levels[noisy], prior.alphas_cumprod), dtype)
    x0 = _emptied(x0, chosen, levels[noisy])
    mixed = torch.lerp(chosen, x0, share[noisy])
    cleaned = images.clone()
    cleaned[noisy] = mixed
    return cleaned.view_as(sources)


def _emptied(x0: Tensor, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Make background -1 again: noise that was cut off there has a mean above it, which the prior takes for tissue."""
    background = (noisy <= BACKGROUND).to(noisy.dtype)
    share = F.avg_pool2d(background, _NEIGHBOURHOOD, 1, _NEIGHBOURHOOD // 2, count_include_pad=False)
    faint = x0 < -1.0 + _FAINT * sigma.view(-1, 1, 1, 1)
    return x0.masked_fill((share > _EMPTY) & faint, -1.0)


def denoising_timesteps(sigma: Tensor, alphas_cumprod: Tensor) -> Tensor:
    """Return the timesteps whose noise level √((1 - ᾱ_t) / ᾱ_t) is closest to each of ``sigma`` ``[N]``."""
    levels = torch.sqrt(1.0 / alphas_cumprod - 1.0).to(sigma)
    return (levels[None] - sigma[:, None]).abs().argmin(dim=1)


def _predict(prior: DiffusionPrior, images: Tensor, timesteps: Tensor, dtype: torch.dtype) -> Tensor:
    """Ask the prior about grey images ``[N, 1, H, W]`` of any size; an RGB prior sees them grey and answers grey."""
    signal = prior.alphas_cumprod.to(images.device)[timesteps].sqrt().to(images.dtype).view(-1, 1, 1, 1)
    x_t = (signal * images).repeat(1, prior.channels, 1, 1)
    with torch.no_grad():
        x0 = predict_padded(prior, x_t, timesteps, dtype)
    return x0.mean(dim=1, keepdim=True).to(images.dtype)
