# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Ancestral sampling: the paper's Algorithm 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from monai_ddfm.samplers.sampling_loop import Callback, Noise, PredictX0, Rectify, sampling_loop

__all__ = ["sample_ddpm"]

State = TypeVar("State")


def sample_ddpm(
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
    """Sample from the DDPM posterior q(x_prev | x_t, x0) at the rectified x0 (DDFM, Algorithm 1).

    The posterior is eq. 7 of Ho et al. 2020; over a respaced list α_t is ᾱ_t / ᾱ_prev.
    Arguments and result as `sample_ddim`; `noise` is always needed, `eta` is not used.

    Raises:
        ValueError: bad timesteps, or no `noise`.
    """
    if noise is None:
        raise ValueError("ancestral sampling adds noise at each step: give `noise`, a function of the timestep")

    def step(x_t: Tensor, x0: Tensor, t: int, alpha_cumprod: float, alpha_prev: float) -> Tensor:
        alpha = alpha_cumprod / alpha_prev
        from_x0 = alpha_prev**0.5 * (1.0 - alpha) / (1.0 - alpha_cumprod)
        from_x_t = alpha**0.5 * (1.0 - alpha_prev) / (1.0 - alpha_cumprod)
        deviation = ((1.0 - alpha_prev) / (1.0 - alpha_cumprod) * (1.0 - alpha)) ** 0.5
        mean = from_x0 * x0 + from_x_t * x_t
        return mean if deviation == 0 else mean + deviation * noise(t)

    return sampling_loop(x, timesteps, alphas_cumprod, predict_x0, rectify, state, step, callback)
