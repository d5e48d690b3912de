# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How noisy sources are for the prior: without texture, and where they are brightest when noise grows with light."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.denoising.noise_estimate import estimate_noise
from monai_ddfm.foreground import TISSUE

__all__ = ["source_noise"]

_TEXTURE = 0.045  # what fine anatomy of clean MR and CT adds, in the square, to the estimate
_REMOVED = 0.95  # of the estimate: the last of the noise takes more detail with it than it is worth
_GROWS = 1.12  # bright tissue this much noisier than all tissue: the noise is not the same everywhere
_BRIGHT = 0.6  # quantile of the local means from which on tissue counts as bright
_WINDOW = 9  # voxels of the local mean


def source_noise(sources: Tensor) -> Tensor:
    """Estimate the noise to clean each source of.

    Photon counts (PET, SPECT, low-dose CT) are the noisier the brighter: there the level of the bright tissue is
    returned, since a source that is cleaned of too little noise keeps the rest of it where lesions are. Noise that is
    the same everywhere is told from texture: both are in the estimate, as a sum of squares. A little less is returned
    than is there.

    Args:
        sources: ``[B, K, H, W]`` in [-1, 1].

    Returns:
        standard deviations ``[B, K]`` in the units of `sources`.
    """
    everywhere = estimate_noise(sources)
    bright = estimate_noise(_bright_tissue(sources))
    white = (everywhere.square() - _TEXTURE**2).clamp_min(0.0).sqrt()
    return _REMOVED * torch.where(bright > _GROWS * everywhere, bright, white)


def _bright_tissue(sources: Tensor) -> Tensor:
    """The sources with all but their brightest regions made background, which `estimate_noise` leaves out."""
    means = F.avg_pool2d(sources, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)
    tissue = means.masked_fill(means <= TISSUE, torch.nan).flatten(2)
    threshold = tissue.nanquantile(_BRIGHT, dim=-1)[..., None, None]
    return torch.where(means > threshold, sources, sources.new_tensor(-1.0))
