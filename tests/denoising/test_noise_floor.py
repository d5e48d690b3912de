# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The power that is left where there is no anatomy, in numbers of any size."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.denoising.noise_floor import noise_floor

ANATOMY = torch.linspace(0.5, 20.0, 200)


@pytest.mark.parametrize("scale", [1e-14, 1.0, 1e12])
def test_the_line_ends_in_the_noise(scale: float) -> None:
    noise = torch.tensor([3.0, 0.5])
    power = scale * (noise + ANATOMY[:, None] * torch.tensor([0.2, 0.0]))
    floor = noise_floor(power, scale * ANATOMY, torch.ones(2))
    torch.testing.assert_close(floor, scale * noise, rtol=0.05, atol=0.0)


def test_a_ring_without_power_leaves_the_others_alone() -> None:
    """As the mean is, whose power rounds to exactly 0 in many blocks of a small PET: a weight of infinity, once."""
    power = torch.stack([torch.zeros(200), 3.0 + 0.2 * ANATOMY], dim=1)
    floor = noise_floor(power, ANATOMY, torch.ones(2))
    assert floor[0] == 0.0
    assert floor[1] == pytest.approx(3.0, rel=0.05)
