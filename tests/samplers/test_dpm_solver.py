# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch

from monai_ddfm.priors import linear_alphas_cumprod
from monai_ddfm.samplers import sample_ddim, sample_dpm_solver, spaced_timesteps

ALPHAS = linear_alphas_cumprod()
DATA_SIGMA = 0.5


def _gaussian_prior(x: torch.Tensor, t: int) -> torch.Tensor:
    """The exact E[x0 | x_t] for data ~ N(0.2, DATA_SIGMA²), whose probability flow has a closed form."""
    alpha = float(ALPHAS[t])
    variance = alpha * DATA_SIGMA**2 + 1 - alpha
    return 0.2 + alpha**0.5 * DATA_SIGMA**2 / variance * (x - alpha**0.5 * 0.2)


def _as_it_is(x0: torch.Tensor, t: int, state: None) -> tuple[torch.Tensor, None]:
    return x0, None


def _error(sample, steps: int) -> float:  # type: ignore[no-untyped-def]
    x = torch.linspace(-2, 2, 41, dtype=torch.float64).view(1, 1, 1, 41)
    start, last = 800, 20
    timesteps = [t for t in spaced_timesteps(steps, start - last)]
    timesteps = [t + last for t in timesteps]
    reached: list[torch.Tensor] = []
    sample(x, timesteps, ALPHAS, _gaussian_prior, _as_it_is, None, callback=lambda *step: reached.append(step[2]))
    spread = [float((ALPHAS[t] * DATA_SIGMA**2 + 1 - ALPHAS[t]).sqrt()) for t in (start, last)]
    centre = [0.2 * float(ALPHAS[t].sqrt()) for t in (start, last)]
    exact = centre[1] + spread[1] / spread[0] * (x - centre[0])  # the flow keeps quantiles
    return float((reached[-2] - exact).abs().max())  # the state on arriving at the last timestep


def test_converges_to_the_probability_flow_with_second_order() -> None:
    errors = [_error(sample_dpm_solver, steps) for steps in (20, 40, 80)]
    assert errors[2] < errors[0] / 8  # fourfold for each doubling, half a power to spare
    assert errors[2] < 5e-3


def test_beats_ddim_at_equal_steps() -> None:
    assert _error(sample_dpm_solver, 20) < _error(sample_ddim, 20) / 2


def test_ends_at_the_last_rectified_proposal() -> None:
    ended = sample_dpm_solver(
        torch.zeros(1, 1, 2, 2), [500, 100, 0], ALPHAS, _gaussian_prior, lambda x0, t, s: (x0 * 0 + 0.3, s), None
    )[0]
    assert (ended == 0.3).all()
