# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What sampling hands to prior, rectifier, sampler and callback."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.samplers.sampling_loop import sampling_loop

ALPHAS = torch.tensor([0.9, 0.8, 0.6, 0.3, 0.1], dtype=torch.float64)


def test_order_of_things() -> None:
    """Propose, rectify, step, for each timestep; ᾱ_prev is that of the next one in the list, 1 after the last."""
    seen: list[tuple[object, ...]] = []

    def predict_x0(x: Tensor, t: int) -> Tensor:
        seen.append(("prior", t, x.item()))
        return x + 1

    def rectify(x0: Tensor, t: int, state: int) -> tuple[Tensor, int]:
        seen.append(("sources", t, x0.item(), state))
        return x0 * 10, state + 1

    def step(x_t: Tensor, x0: Tensor, t: int, alpha: float, alpha_prev: float) -> Tensor:
        seen.append(("step", t, x_t.item(), x0.item(), alpha, alpha_prev))
        return x0 - x_t

    def callback(index: int, t: int, x: Tensor, x0: Tensor) -> None:
        seen.append(("callback", index, t, x.item(), x0.item()))

    x, state = sampling_loop(torch.tensor(2.0), [4, 1], ALPHAS, predict_x0, rectify, 7, step, callback)
    assert seen == [
        ("prior", 4, 2.0),
        ("sources", 4, 3.0, 7),
        ("step", 4, 2.0, 30.0, 0.1, 0.8),
        ("callback", 0, 4, 28.0, 30.0),
        ("prior", 1, 28.0),
        ("sources", 1, 29.0, 8),
        ("step", 1, 28.0, 290.0, 0.8, 1.0),
        ("callback", 1, 1, 262.0, 290.0),
    ]
    assert (x.item(), state) == (262.0, 9)


def test_timesteps_are_checked_before_the_first_call() -> None:
    def never(*_: object) -> Tensor:
        raise AssertionError("called")

    with pytest.raises(ValueError, match=r"within 4\.\.0"):
        sampling_loop(torch.zeros(1), [5, 0], ALPHAS, never, never, None, never)
