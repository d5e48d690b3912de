# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A prior that knows nothing: what it adds to a fusion is nothing."""

from __future__ import annotations

from torch import Tensor

from monai_ddfm.priors.base import DiffusionPrior

__all__ = ["IdentityPrior"]


class IdentityPrior(DiffusionPrior):
    """Returns the noisy image, rescaled, as its estimate of the clean one.

    For tests, and for measuring what a trained prior adds: with it, the sources alone decide.
    """

    def __init__(self, channels: int = 1) -> None:
        super().__init__(channels)

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return ``x``."""
        return x

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        """Return x_t / √ᾱ_t, clipped to [-1, 1]."""
        signal = self.alphas_cumprod[t if isinstance(t, int) else t.cpu()].sqrt().to(x_t)
        return (x_t / signal.reshape(-1, 1, 1, 1)).clamp(-1.0, 1.0)
