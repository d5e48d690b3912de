# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The noise schedule and the interface."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.priors import IdentityPrior, linear_alphas_cumprod


def test_linear_schedule() -> None:
    alphas = linear_alphas_cumprod()
    assert alphas.shape == (1000,)
    assert alphas.dtype == torch.float64
    assert alphas[0].item() == pytest.approx(1 - 1e-4)
    assert (alphas[999] / alphas[998]).item() == pytest.approx(1 - 2e-2)
    assert (alphas.diff() < 0).all()
    assert alphas[999].item() == pytest.approx(4.0358e-5, rel=1e-4)


def test_schedule_survives_half_precision() -> None:
    prior = IdentityPrior().half()
    assert torch.equal(prior.alphas_cumprod, linear_alphas_cumprod())


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_channels(channels: int) -> None:
    with pytest.raises(ValueError, match=rf"1 \(grayscale\) or 3 \(RGB\) channels, got {channels}"):
        IdentityPrior(channels)
