# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Any size, and no bfloat16 where its convolutions go wrong."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded


@pytest.fixture(scope="module")
def prior() -> DiffusionPrior:
    return FusionPipeline(FusionConfig.of(device="cpu")).prior


@pytest.mark.parametrize("shape", [(8, 1, 64, 16), (6, 1, 32, 16), (5, 1, 20, 15), (8, 1, 16, 64), (4, 1, 3, 40)])
def test_narrow_images_take_float32(prior: DiffusionPrior, shape: tuple[int, ...]) -> None:
    """In bfloat16 these shapes gave NaN, or values off by hundreds, in about every third run."""
    x_t = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact = predict_padded(prior, x_t, 100, torch.float32)
        assert torch.equal(predict_padded(prior, x_t, 100, torch.bfloat16), exact)


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (3, 1, 33, 70)])
def test_others_take_what_is_asked_for(prior: DiffusionPrior, shape: tuple[int, ...]) -> None:
    x_t = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact = predict_padded(prior, x_t, 100, torch.float32)
        rounded = predict_padded(prior, x_t, 100, torch.bfloat16)
    assert not torch.equal(rounded, exact)
    assert (rounded - exact).abs().mean() < 0.02
