# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The inferer refuses numbers that no fusion can be made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import FuseDDFM, FusionConfig
from monai_ddfm.priors import IdentityPrior
from tests.paper_sampling import paper_inferer

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_one_value_that_is_not_finite(value: float) -> None:
    inputs = torch.zeros(1, 2, 8, 8, 3)
    inputs[0, 1, 2, 3, 1] = value
    with pytest.raises(ValueError, match="inputs hold NaN or infinite values; replace them"):
        DDFMInferer(steps=2)(inputs, IdentityPrior())


@pytest.mark.parametrize("inputs", [torch.full((1, 2, 8, 8), 255.0), torch.linspace(-1024, 3000, 128).view(1, 2, 8, 8)])
def test_values_that_were_never_normalised(inputs: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"sources in \[-1, 1\], got .* normalise them first"):
        DDFMInferer(steps=2)(inputs, IdentityPrior())


def test_what_a_spline_overshoots_passes() -> None:
    inputs = torch.linspace(-1.2, 1.3, 128).view(1, 2, 8, 8)
    assert DDFMInferer(steps=2)(inputs, IdentityPrior()).isfinite().all()


BAD = [("eta", -1.0), ("eta", NAN), ("eta", INF), ("uncertainty_seeds", 0), ("uncertainty_seeds", 1)]
BAD += [("novelty_allowance", -0.1), ("novelty_allowance", NAN)]


@pytest.mark.parametrize(("name", "value"), BAD)
@pytest.mark.parametrize("door", [DDFMInferer, FusionConfig.of, lambda **one: FuseDDFM(["MR", "PET"], **one)])
def test_settings(name: str, value: Any, door: Any) -> None:
    with pytest.raises(ValueError, match=name):
        door(**{name: value})


def test_a_prior_whose_answers_are_not_finite_is_never_a_result() -> None:
    class Broken(IdentityPrior):
        def predict_x0(self, x_t: torch.Tensor, t: torch.Tensor | int) -> torch.Tensor:
            return torch.full_like(x_t, torch.nan)

    sources = torch.rand(1, 2, 16, 16, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(FloatingPointError, match=r"since the prior's answers were not, .*give precision float32"):
        paper_inferer(2)(sources, Broken())
