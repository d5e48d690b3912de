# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Lists of timesteps."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.priors import linear_alphas_cumprod
from monai_ddfm.samplers import check_timesteps, noise_level, spaced_timesteps


def test_spaced() -> None:
    assert spaced_timesteps(5, 8) == [8, 6, 4, 2, 0]
    assert spaced_timesteps(4, 10) == [10, 7, 3, 0]
    assert spaced_timesteps(1) == [999]
    assert spaced_timesteps(1000) == list(range(999, -1, -1))


@given(start=st.integers(1, 999), data=st.data())
def test_spaced_lists_are_walkable(start: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(2, start + 1))
    timesteps = spaced_timesteps(steps, start)
    assert len(timesteps) == steps
    assert (timesteps[0], timesteps[-1]) == (start, 0)
    assert check_timesteps(timesteps, 1000) == timesteps
    gaps = {earlier - later for earlier, later in pairwise(timesteps)}
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(("steps", "start"), [(0, 999), (1001, 999), (12, 10), (-3, 999)])
def test_number_of_steps_that_cannot_be(steps: int, start: int) -> None:
    with pytest.raises(ValueError, match=f"steps must be between 1 and {start + 1} .*, got {steps}"):
        spaced_timesteps(steps, start)


@pytest.mark.parametrize("timesteps", [[], [5, 5, 0], [1, 2, 3], [1000, 500], [3, -1]])
def test_timesteps_that_cannot_be_walked(timesteps: list[int]) -> None:
    with pytest.raises(ValueError, match=r"timesteps must descend strictly within 999\.\.0, got"):
        check_timesteps(timesteps, 1000)


def test_noise_level() -> None:
    assert noise_level(0.5) == pytest.approx(1.0)
    assert noise_level(0.8) == pytest.approx(0.5)
    levels = [noise_level(float(alpha)) for alpha in linear_alphas_cumprod()]
    assert levels == sorted(levels)
    assert levels[0] == pytest.approx(0.01, rel=1e-3)  # the first beta is 1e-4
