# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""x0 out of whatever a network predicts."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.priors import NetworkPrior, x0_from_prediction


class Constant(NetworkPrior):
    """Predicts one number; notes the timesteps it was asked for."""

    def __init__(self, value: float, **arguments: object) -> None:
        super().__init__(1, **arguments)
        self.value = value
        self.asked: list[Tensor] = []

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        self.asked.append(timesteps)
        learned_variance = torch.full_like(x, 99.0)  # a second output that is no part of the prediction
        return torch.cat([torch.full_like(x, self.value), learned_variance], dim=1)


@pytest.mark.parametrize("alpha", [0.99, 0.5, 0.01])
def test_all_predictions_of_one_picture_agree(alpha: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x0 = 2 * torch.rand(2, 1, 4, 4, generator=generator) - 1
    epsilon = torch.randn(2, 1, 4, 4, generator=generator)
    x_t = alpha**0.5 * x0 + (1 - alpha) ** 0.5 * epsilon
    velocity = alpha**0.5 * epsilon - (1 - alpha) ** 0.5 * x0
    for prediction, kind in ((epsilon, "epsilon"), (velocity, "v_prediction"), (x0, "sample")):
        torch.testing.assert_close(x0_from_prediction(prediction, x_t, alpha, kind), x0, rtol=0, atol=1e-5)


def test_equation_at_one_and_at_each_timestep() -> None:
    prior = Constant(0.2)
    x = torch.full((2, 1, 1, 1), 0.3)
    found = prior.predict_x0(x, torch.tensor([100, 700]))
    alphas = [float(prior.alphas_cumprod[t]) for t in (100, 700)]
    wanted = [min(1.0, max(-1.0, (0.3 - (1 - alpha) ** 0.5 * 0.2) / alpha**0.5)) for alpha in alphas]
    assert found.flatten().tolist() == pytest.approx(wanted)
    assert prior.predict_x0(x, 100).flatten().tolist() == pytest.approx([wanted[0]] * 2)
    assert [timesteps.tolist() for timesteps in prior.asked] == [[100, 700], [100, 100]]


def test_clipped() -> None:
    assert Constant(-50.0).predict_x0(torch.zeros(1, 1, 2, 2), 999).eq(1.0).all()


def test_unknown_prediction_type() -> None:
    with pytest.raises(ValueError, match=r"prediction_type must be one of .*, got 'noise'"):
        Constant(0.0, prediction_type="noise")
