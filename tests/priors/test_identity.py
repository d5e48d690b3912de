# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The prior that knows nothing."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.priors import IdentityPrior


@pytest.mark.parametrize("channels", [1, 3])
def test_rescales_and_clips(channels: int) -> None:
    prior = IdentityPrior(channels)
    x0 = torch.linspace(-1, 1, 2 * channels * 12).view(2, channels, 3, 4)
    for t in (0, 500, 999):
        signal = float(prior.alphas_cumprod[t]) ** 0.5
        torch.testing.assert_close(prior.predict_x0(signal * x0, t), x0)
    assert prior.predict_x0(torch.full((1, channels, 2, 2), 5.0), 0).eq(1.0).all()


def test_a_timestep_for_each_image() -> None:
    prior = IdentityPrior()
    x = torch.full((2, 1, 2, 2), 0.001)
    together = prior.predict_x0(x, torch.tensor([10, 900]))
    torch.testing.assert_close(together, torch.cat([prior.predict_x0(x[:1], 10), prior.predict_x0(x[1:], 900)]))
