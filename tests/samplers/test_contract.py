# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What every sampler promises: each line of the registry is held to it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.priors import linear_alphas_cumprod
from monai_ddfm.samplers import SAMPLERS, Sampler

ALPHAS = linear_alphas_cumprod()
TIMESTEPS = [900, 600, 300, 100, 10]
TARGET = torch.linspace(-1, 1, 2 * 8 * 8).reshape(2, 1, 8, 8)


@pytest.fixture(params=SAMPLERS)
def sampler(request: pytest.FixtureRequest) -> Sampler:
    return SAMPLERS[request.param]


def noise(t: int) -> Tensor:
    return torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(t))


def walk(sampler: Sampler, seen: list[int] | None = None) -> tuple[Tensor, int]:
    """From noise, with a prior that knows the answer and a rectifier that counts."""

    def rectify(x0: Tensor, t: int, state: int) -> tuple[Tensor, int]:
        if seen is not None:
            seen.append(t)
        return x0, state + 1

    return sampler(noise(999), TIMESTEPS, ALPHAS, lambda x, t: TARGET, rectify, 0, noise=noise)


def test_ends_at_what_a_perfect_prior_proposes(sampler: Sampler) -> None:
    torch.testing.assert_close(walk(sampler)[0], TARGET, atol=1e-5, rtol=0)


def test_rectifies_once_at_every_timestep_in_order(sampler: Sampler) -> None:
    seen: list[int] = []
    assert walk(sampler, seen)[1] == len(TIMESTEPS)
    assert seen == TIMESTEPS


def test_the_same_noise_the_same_walk(sampler: Sampler) -> None:
    before = torch.random.get_rng_state()
    assert torch.equal(walk(sampler)[0], walk(sampler)[0])
    assert torch.equal(torch.random.get_rng_state(), before)  # nothing is drawn from the global state


@pytest.mark.parametrize("timesteps", [[], [10, 600], [1000], [-1]])
def test_wrong_timesteps(sampler: Sampler, timesteps: list[int]) -> None:
    with pytest.raises(ValueError, match="timestep"):
        sampler(noise(999), timesteps, ALPHAS, lambda x, t: TARGET, lambda x0, t, s: (x0, s), 0, noise=noise)
