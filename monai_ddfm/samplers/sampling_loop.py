# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sampling over timesteps that all samplers share: propose, rectify, step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from torch import Tensor

from monai_ddfm.samplers.timesteps import check_timesteps

__all__ = ["Callback", "Noise", "PredictX0", "Rectify", "Sampler", "Step", "sampling_loop"]

State = TypeVar("State")
PredictX0 = Callable[[Tensor, int], Tensor]
"""``(x_t, t) -> x0``: the prior."""
Rectify = Callable[[Tensor, int, State], tuple[Tensor, State]]
"""``(x0, t, state) -> (rectified x0, state)``: the sources."""
Noise = Callable[[int], Tensor]
"""``(t) -> z``: standard normal noise for the step away from timestep t."""
Callback = Callable[[int, int, Tensor, Tensor], None]
"""``(step, t, x, x0)`` after each step: the new x and the rectified x0 it was made from."""
Step = Callable[[Tensor, Tensor, int, float, float], Tensor]
"""``(x_t, x0, t, ᾱ_t, ᾱ_prev) -> x_prev``."""


class Sampler(Protocol):
    """What every sampler takes; arguments and result as of `sample_ddim`."""

    def __call__(
        self,
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
        """Sample."""


def sampling_loop(
    x: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: Tensor,
    predict_x0: PredictX0,
    rectify: Rectify[State],
    state: State,
    step: Step,
    callback: Callback | None = None,
) -> tuple[Tensor, State]:
    """Walk down `timesteps`; the previous timestep is the next one *in the list*, and ᾱ is 1 after the last.

    Returns:
        the image after the last step and the rectifier's last state.
    """
    levels = alphas_cumprod.tolist()
    listed = check_timesteps(timesteps, len(levels))
    for index, t in enumerate(listed):
        alpha_prev = levels[listed[index + 1]] if index + 1 < len(listed) else 1.0
        x0, state = rectify(predict_x0(x, t), t, state)
        x = step(x, x0, t, levels[t], alpha_prev)
        if callback is not None:
            callback(index, t, x, x0)
    return x, state
