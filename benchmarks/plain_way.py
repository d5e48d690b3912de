# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The plain way to run DDFM, as the published code does: what the speed of ours is measured against."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
import torch.nn.functional as F
from skimage.color import rgb2ycbcr, ycbcr2rgb
from torch import Tensor

from monai_ddfm.inferers.noise_field import NoiseField
from monai_ddfm.priors import UNetPrior, x0_from_prediction
from monai_ddfm.rectifiers import Rectifier
from monai_ddfm.samplers import noise_level, sample_ddim, spaced_timesteps

__all__ = ["PlainWay"]

_BLACK, _RANGE = 16.0, 219.0  # of scikit-image's luma


class PlainWay:
    """One slice at a time, float32, default memory format, each step's colours converted by scikit-image on the CPU.

    The published code has an RGB network; here the grey proposal is repeated to RGB, converted to YCbCr, its luma
    rectified and put back, and converted to RGB again. The result is that of a `DDFMInferer` with the same rectifier.

    Args:
        prior: the network, which is copied.
        rectifier: what the sources say.
        steps: network evaluations per slice, from timestep 999.
        seed: makes the noise.
    """

    def __init__(self, prior: UNetPrior, rectifier: Rectifier, steps: int, seed: int = 0) -> None:
        self.prior = prior
        self.network = deepcopy(prior.network).to(memory_format=torch.contiguous_format)
        self.rectifier = rectifier
        self.timesteps = spaced_timesteps(steps)
        self.noise = NoiseField(seed)

    def __call__(self, volume: Tensor) -> Tensor:
        """Fuse ``[1, K, H, W, D]`` in [-1, 1], with H and W that the network can take, to ``[1, 1, H, W, D]``."""
        with torch.no_grad():
            return torch.stack([self._fuse(volume[..., place]) for place in range(volume.shape[-1])], dim=-1)

    def _fuse(self, sources: Tensor) -> Tensor:
        levels = self.prior.alphas_cumprod.tolist()
        x = self.noise([0], len(levels), (1, *sources.shape[-2:]), like=sources)

        def rectify(x0: Tensor, t: int, state: object) -> tuple[Tensor, object]:
            ycbcr = rgb2ycbcr(np.repeat(x0[0].permute(1, 2, 0).cpu().numpy(), 3, axis=-1))
            grey = torch.from_numpy((ycbcr[..., 0] - _BLACK) / _RANGE).to(x0)[None, None]
            rectified, state = self.rectifier(grey, sources, state, noise_level(levels[t]))
            ycbcr[..., 0] = _BLACK + _RANGE * rectified[0, 0].cpu().numpy()
            return torch.from_numpy(ycbcr2rgb(ycbcr)[..., :1]).permute(2, 0, 1)[None].to(x0), state

        return sample_ddim(
            x, self.timesteps, self.prior.alphas_cumprod, self._predict_x0, rectify, self.rectifier.start(sources)
        )[0]

    def _predict_x0(self, x_t: Tensor, t: int) -> Tensor:
        folded = F.pixel_unshuffle(x_t, self.prior.unshuffle)
        timesteps = torch.full((len(x_t),), t, device=x_t.device)
        prediction = F.pixel_shuffle(self.network(folded, timesteps=timesteps), self.prior.unshuffle)
        alpha = float(self.prior.alphas_cumprod[t])
        return x0_from_prediction(prediction, x_t, alpha, self.prior.prediction_type).clamp(-1.0, 1.0)
