# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A second-order multistep solver with a rectified proposal (DPM-Solver++(2M), Lu et al. 2022)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

from torch import Tensor

from monai_ddfm.samplers.sampling_loop import Callback, Noise, PredictX0, Rectify, sampling_loop

__all__ = ["sample_dpm_solver"]

State = TypeVar("State")


def _log_snr(alpha_cumprod: float) -> float:
    """λ = log(√ᾱ / √(1 - ᾱ))."""
    return 0.5 * math.log(alpha_cumprod / (1.0 - alpha_cumprod))


def sample_dpm_solver(
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
    """Sample with DPM-Solver++(2M): x0 is extrapolated linearly in λ from this rectified x0 and the one before.

    With h = λ_prev - λ_t: x_prev = (σ_prev / σ_t) x_t + √ᾱ_prev (1 - e^{-h}) D, where D is x0 in the first step and
    x0 + (h / 2 h_before) (x0 - x0_before) later (arXiv 2211.01095, algorithm 2). The last step ends at the rectified x0
    itself. Arguments and result as `sample_ddim`; no noise is added, `eta` and `noise` are not used.

    Raises:
        ValueError: bad timesteps.
    """
    before: list[tuple[float, Tensor]] = []  # (h, rectified x0) of the last step

    def step(x_t: Tensor, x0: Tensor, t: int, alpha: float, alpha_prev: float) -> Tensor:
        if alpha_prev == 1.0:
            return x0
        h = _log_snr(alpha_prev) - _log_snr(alpha)
        extrapolated = x0
        if before:
            h_before, x0_before = before.pop()
            extrapolated = x0 + (h / (2.0 * h_before)) * (x0 - x0_before)
        before.append((h, x0))
        shrink = ((1.0 - alpha_prev) / (1.0 - alpha)) ** 0.5
        return shrink * x_t + alpha_prev**0.5 * (1.0 - math.exp(-h)) * extrapolated

    return sampling_loop(x, timesteps, alphas_cumprod, predict_x0, rectify, state, step, callback)
