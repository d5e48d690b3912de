# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Lists of timesteps to sample over."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["check_timesteps", "descend", "noise_level", "spaced_timesteps"]


def spaced_timesteps(steps: int, start: int = 999) -> list[int]:
    """Return `steps` timesteps from `start` down to 0, evenly spaced and rounded.

    Raises:
        ValueError: fewer than one step or more than there are.
    """
    if not 1 <= steps <= start + 1:
        raise ValueError(f"steps must be between 1 and {start + 1} (timesteps {start} to 0), got {steps}")
    if steps == 1:
        return [start]
    return [round(start * (steps - 1 - index) / (steps - 1)) for index in range(steps)]


def descend(timesteps: Sequence[int]) -> bool:
    """Return whether there are timesteps, each below the one before it."""
    return bool(timesteps) and all(later < earlier for earlier, later in pairwise(timesteps))


def check_timesteps(timesteps: Sequence[int], num_train_timesteps: int) -> list[int]:
    """Return `timesteps` as a list of int.

    Raises:
        ValueError: none, not strictly descending, or outside 0..num_train_timesteps - 1.
    """
    listed = [int(t) for t in timesteps]
    if not descend(listed) or listed[0] >= num_train_timesteps or listed[-1] < 0:
        raise ValueError(
            f"timesteps must descend strictly within {num_train_timesteps - 1}..0, got {listed[:8]}"
            f"{'...' if len(listed) > 8 else ''}; give others, or a start_timestep within them"
        )
    return listed


def noise_level(alpha_cumprod: float) -> float:
    """Return sqrt((1 - ᾱ) / ᾱ), the standard deviation of the noise in x_t / √ᾱ_t."""
    return ((1.0 - alpha_cumprod) / alpha_cumprod) ** 0.5
