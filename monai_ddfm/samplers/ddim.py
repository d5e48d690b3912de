# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Denoising diffusion implicit models (Song et al. 2021) with a rectified proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from monai_ddfm.samplers.sampling_loop import Callback, Noise, PredictX0, Rectify, sampling_loop

__all__ = ["sample_ddim"]

State = TypeVar("State")


def sample_ddim(
    x: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: Tensor,
    predict_x0: PredictX0,
    rectify: Rectify[State],
    state: State,
    eta: float = 0.0,
    noise: Noise | None = None,
    callback: Callback | None = None,
) -> tuple[Tensor, State]:
    """Sample with DDIM steps (Song et al. 2021, eq. 12); ε is recomputed from x_t and the rectified x0.

    Args:
        x: x_t at the first timestep ``[B, C, H, W]``.
        timesteps: any strictly descending timesteps.
        alphas_cumprod: ᾱ_t of all training timesteps.
        predict_x0: the prior, ``(x_t, t) -> x0``.
        rectify: the sources, ``(x0, t, state) -> (rectified x0, state)``.
        state: the rectifier's first state.
        eta: 0 for deterministic sampling, 1 for the noise of ancestral sampling.
        noise: gives the noise of each step; needed when `eta` is above 0.
        callback: called after each step with ``(step, t, x, x0)``.

    Returns:
        the fused image and the rectifier's last state.

    Raises:
        ValueError: bad timesteps, or `eta` above 0 without `noise`.
    """
    if eta > 0 and noise is None:
        raise ValueError("eta above 0 adds noise at each step: give `noise`, a function of the timestep")

    def step(x_t: Tensor, x0: Tensor, t: int, alpha: float, alpha_prev: float) -> Tensor:
        epsilon = (x_t - alpha**0.5 * x0) / (1.0 - alpha) ** 0.5
        sigma = eta * ((1.0 - alpha_prev) / (1.0 - alpha) * (1.0 - alpha / alpha_prev)) ** 0.5
        x_prev = alpha_prev**0.5 * x0 + max(1.0 - alpha_prev - sigma**2, 0.0) ** 0.5 * epsilon
        return x_prev if noise is None or sigma == 0 else x_prev + sigma * noise(t)

    return sampling_loop(x, timesteps, alphas_cumprod, predict_x0, rectify, state, step, callback)
