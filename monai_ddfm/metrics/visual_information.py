# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""VIF: how much of the visual information in the sources survives in the fused image."""

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.metrics.images import check_images, filter_valid

__all__ = ["visual_information_fidelity"]

_FLAT = 1e-10  # variances below this are a flat region
_NOISE_VARIANCE = 2.0  # of the human visual system, in squared grey levels

SMALLEST_SIDE = 41  # pixels, that the four scales fit into


def visual_information_fidelity(fused: Tensor, sources: Tensor, per_source: bool = False) -> Tensor:
    """Visual information fidelity in the pixel domain (Sheikh and Bovik 2006), each source the reference in turn.

    Over four scales the fused image is modelled as gain times source plus noise within Gaussian windows of 17, 9, 5 and
    3 pixels; the value is the information the eye gets from the fused image over what it gets from the source. Above 1
    where the fusion has more contrast than the source. A source without any contrast counts 1, as in the published
    evaluators.

    Args:
        fused: fused images ``[B, 1, H, W]`` in grey levels 0..255, H and W at least 41.
        sources: sources ``[B, K, H, W]`` in grey levels 0..255.
        per_source: return the value of each source instead of their sum.

    Returns:
        ``[B]``, or ``[B, K]`` with `per_source`.
    """
    fused, sources = check_images(fused, sources)
    if min(fused.shape[2:]) < SMALLEST_SIDE:
        raise ValueError(
            f"VIF takes sides from {SMALLEST_SIDE} pixels for its four scales, got {tuple(fused.shape[2:])}"
        )
    kept = of_source = fused.new_zeros(sources.shape[:2])
    for size in (17, 9, 5, 3):
        offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
        window = torch.exp(-(offsets**2) / (2 * (size / 5) ** 2))
        window /= window.sum()
        if size < 17:
            fused, sources = (filter_valid(x, window)[..., ::2, ::2] for x in (fused, sources))
        information = _scale_information(fused, sources, window)
        kept, of_source = kept + information[0], of_source + information[1]
    values = torch.where(of_source > 0, kept / of_source, 1.0)
    return values if per_source else values.sum(dim=1)


def _scale_information(fused: Tensor, sources: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Information ``[B, K]`` at one scale: kept in the fused images, and in the sources."""
    mean_f, mean_s = filter_valid(fused, window), filter_valid(sources, window)
    var_f = (filter_valid(fused**2, window) - mean_f**2).clamp(min=0)
    var_s = (filter_valid(sources**2, window) - mean_s**2).clamp(min=0)
    covariance = filter_valid(fused * sources, window) - mean_f * mean_s

    gain = covariance / (var_s + _FLAT)
    # no gain from or into a flat region, and none from an inverted one: all that is there is noise
    related = (var_s >= _FLAT) & (var_f >= _FLAT) & (gain > 0)
    gain = gain.where(related, 0.0)
    noise = (var_f - gain * covariance).clamp(min=_FLAT)
    kept = torch.log10(1 + gain**2 * var_s / (noise + _NOISE_VARIANCE))
    of_source = torch.log10(1 + var_s.where(var_s >= _FLAT, 0.0) / _NOISE_VARIANCE)
    return kept.sum(dim=(2, 3)), of_source.sum(dim=(2, 3))
