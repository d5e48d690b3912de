# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The interface of every prior: what a plausible image looks like."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["DiffusionPrior", "linear_alphas_cumprod"]


def linear_alphas_cumprod(num_train_timesteps: int = 1000, beta_start: float = 1e-4, beta_end: float = 2e-2) -> Tensor:
    """Return ᾱ_t of the linear noise schedule (Ho et al. 2020), float64 ``[num_train_timesteps]``."""
    betas = torch.linspace(beta_start, beta_end, num_train_timesteps, dtype=torch.float64)
    return torch.cumprod(1.0 - betas, dim=0)


class DiffusionPrior(nn.Module, ABC):
    """An unconditional denoising diffusion model of one image.

    A prior is an ``nn.Module``, so that it moves between devices, is saved and is exported as any network of MONAI's.
    Its ``forward(x, timesteps)`` is the raw network (what training and export use); fusion only ever asks
    `predict_x0`.

    Args:
        channels: image channels the network works on, 1 (grayscale) or 3 (RGB).
        alphas_cumprod: ᾱ_t of the noise schedule the network was trained with, ``[T]``.
        spatial_multiple: height and width must be multiples of this number; the inferer pads to it.

    Raises:
        ValueError: another number of channels, or ᾱ_t that do not fall within (0, 1].
    """

    def __init__(self, channels: int, alphas_cumprod: Tensor | None = None, spatial_multiple: int = 1) -> None:
        super().__init__()
        if channels not in (1, 3):
            raise ValueError(f"a prior has 1 (grayscale) or 3 (RGB) channels, got {channels}")
        self.channels = channels
        self.spatial_multiple = spatial_multiple
        # no buffer: `half()` must not round it, and the sampler reads it as numbers on the host
        self.alphas_cumprod = (
            linear_alphas_cumprod() if alphas_cumprod is None else _falling(alphas_cumprod.detach().cpu().double())
        )

    @abstractmethod
    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        """Estimate the clean image from a noisy one.

        Args:
            x_t: noisy image ``[B, channels, H, W]`` at timestep `t`.
            t: timestep, 0 to T - 1, one for the batch or one per image ``[B]``.

        Returns:
            x0 of the same shape, clipped to [-1, 1].
        """

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells this prior from any other as plain JSON: its kind and settings, and digests of its numbers.

        SHA-256 of the weights (float32) and of the noise schedule (float64), beside every plain attribute.
        """
        plain = {name: value for name, value in vars(self).items() if isinstance(value, (bool, int, float, str))}
        settings = {name: value for name, value in plain.items() if not name.startswith("_") and name != "training"}
        weights = hashlib.sha256()
        for name, weight in self.state_dict().items():
            weights.update(name.encode())
            weights.update(weight.detach().cpu().float().contiguous().numpy().tobytes())
        schedule = hashlib.sha256(self.alphas_cumprod.numpy().tobytes())
        return {
            "class": type(self).__name__,
            **settings,
            "weights": weights.hexdigest(),
            "alphas_cumprod": schedule.hexdigest(),
        }


def _falling(alphas_cumprod: Tensor) -> Tensor:
    """Refuse a schedule by which noise cannot grow, or which leaves nothing of the image (a division by 0)."""
    if alphas_cumprod.is_meta:  # a sketch, see `require_buildable`
        return alphas_cumprod
    falls = alphas_cumprod.ndim == 1 and len(alphas_cumprod) > 0 and bool((alphas_cumprod.diff() <= 0).all())
    if not falls or not 0 < alphas_cumprod[-1] <= alphas_cumprod[0] <= 1:
        first = alphas_cumprod.flatten()[:3].tolist()
        raise ValueError(
            f"alphas_cumprod must fall from at most 1 and stay above 0, got {tuple(alphas_cumprod.shape)} numbers that "
            f"begin with {first}; give the schedule the network was trained with"
        )
    return alphas_cumprod
