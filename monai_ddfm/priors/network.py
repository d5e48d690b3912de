# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A prior that is a noise-predicting network, whatever the network predicts."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from monai_ddfm.priors.base import DiffusionPrior

__all__ = ["PREDICTION_TYPES", "NetworkPrior", "x0_from_prediction"]

PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
_IMPLAUSIBLE = 50.0  # of noise, velocity or image, all of a standard deviation of about 1; clipping would hide it


def x0_from_prediction(prediction: Tensor, x_t: Tensor, alpha_cumprod: Tensor | float, prediction_type: str) -> Tensor:
    """Turn a network's output into its estimate of the clean image.

    Args:
        prediction: what the network said, shaped as `x_t`.
        x_t: noisy image.
        alpha_cumprod: ᾱ_t, a number or a tensor that broadcasts against `x_t`.
        prediction_type: ``epsilon`` (Ho et al. 2020, eq. 15), ``v_prediction`` (Salimans and Ho 2022,
            v = √ᾱ ε - √(1-ᾱ) x0) or ``sample`` (x0 itself).
    """
    if prediction_type == "sample":
        return prediction
    signal = torch.as_tensor(alpha_cumprod).to(x_t.dtype).sqrt()
    noise = torch.as_tensor(1.0 - alpha_cumprod).to(x_t.dtype).sqrt()
    if prediction_type == "epsilon":
        return (x_t - noise * prediction) / signal
    return signal * x_t - noise * prediction


class NetworkPrior(DiffusionPrior):
    """A prior whose ``forward(x, timesteps)`` predicts the noise, the velocity or the image.

    Args:
        channels: image channels, 1 or 3.
        prediction_type: what ``forward`` returns, one of `PREDICTION_TYPES`.
        alphas_cumprod: ᾱ_t of the training schedule; linear betas 1e-4..2e-2 over 1000 steps by default.
        spatial_multiple: height and width must be multiples of this number.

    Raises:
        ValueError: unknown `prediction_type`.
    """

    network: nn.Module

    def __init__(
        self,
        channels: int,
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
        spatial_multiple: int = 1,
    ) -> None:
        super().__init__(channels, alphas_cumprod, spatial_multiple)
        if prediction_type not in PREDICTION_TYPES:
            raise ValueError(f"prediction_type must be one of {PREDICTION_TYPES}, got {prediction_type!r}")
        self.prediction_type = prediction_type

    @abstractmethod
    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the network's prediction for noisy images ``[B, channels, H, W]`` at ``timesteps`` ``[B]``."""

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        """Estimate the clean image, see `DiffusionPrior.predict_x0`; NaN where the network's answer is implausible."""
        timesteps = torch.as_tensor(t, device=x_t.device).expand(x_t.shape[0])
        if isinstance(t, int):
            alpha_cumprod: Tensor | float = float(self.alphas_cumprod[t])
        else:
            alpha_cumprod = self.alphas_cumprod.to(x_t.device)[timesteps].view(-1, 1, 1, 1)
        prediction = self(x_t, timesteps)[:, : self.channels].to(x_t.dtype)
        prediction = prediction.masked_fill(prediction.abs() > _IMPLAUSIBLE, torch.nan)
        return x0_from_prediction(prediction, x_t, alpha_cumprod, self.prediction_type).clamp(-1.0, 1.0)
