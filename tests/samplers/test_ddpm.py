# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Ancestral sampling: the moments of its steps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.priors import linear_alphas_cumprod
from monai_ddfm.samplers import sample_ddpm

ALPHAS = linear_alphas_cumprod()


@pytest.mark.parametrize(("t", "t_prev"), [(999, 998), (600, 200), (40, 0)])
def test_step_has_the_moments_of_the_posterior(t: int, t_prev: int) -> None:
    """q(x_prev | x_t, x0) by Bayes' rule from q(x_prev | x0) and q(x_t | x_prev), both Gaussian."""
    x_t, x0 = 0.4, -0.7
    generator = torch.Generator().manual_seed(t)
    seen = []

    def rectify(proposal: Tensor, _: int, state: None) -> tuple[Tensor, None]:
        return torch.full_like(proposal, x0), state  # the sources decide, not the prior

    sample_ddpm(
        torch.full((1, 1, 400, 400), x_t),
        [t, t_prev],
        ALPHAS,
        lambda x, _: x,
        rectify,
        None,
        noise=lambda _: torch.randn(1, 1, 400, 400, generator=generator),
        callback=lambda index, *rest: seen.append(rest[1]),
    )
    alpha_prev = float(ALPHAS[t_prev])
    alpha = float(ALPHAS[t]) / alpha_prev
    precision = 1 / (1 - alpha_prev) + alpha / (1 - alpha)
    mean = (alpha_prev**0.5 * x0 / (1 - alpha_prev) + alpha**0.5 * x_t / (1 - alpha)) / precision
    assert seen[0].mean().item() == pytest.approx(mean, abs=5 / 400 * precision**-0.5)
    assert seen[0].var().item() == pytest.approx(1 / precision, rel=0.02)
    torch.testing.assert_close(seen[1], torch.full_like(seen[1], x0))  # the last step adds no noise


def test_noise_is_asked_once_for_each_step_but_the_last() -> None:
    asked = []

    def noise(t: int) -> Tensor:
        asked.append(t)
        return torch.zeros(1, 1, 2, 2)

    keep = (lambda x, t: x, lambda x0, t, state: (x0, state), None)
    sample_ddpm(torch.zeros(1, 1, 2, 2), [800, 300, 7], ALPHAS, *keep, noise=noise)
    assert asked == [800, 300]
