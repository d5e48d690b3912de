# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Other contrasts of MR images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from monai_ddfm.training import RandToneCurved

RAMP = torch.linspace(-1.0, 1.0, 401)[None, None]


def curved(modality: str, prob: float = 1.0, count: int = 60) -> list[Tensor]:
    tone = RandToneCurved("image", prob).set_random_state(seed=0)
    return [tone({"image": RAMP, "modality": modality})["image"] for _ in range(count)]


def test_curves_stay_in_range_keep_air_and_bound_the_slope() -> None:
    for image in curved("MR"):
        assert image.shape == RAMP.shape and image.dtype == RAMP.dtype
        assert image.min() >= -1 and image.max() <= 1 and float(image[0, 0, 0]) == -1.0
        assert float(image.diff().abs().max() / RAMP.diff().max()) <= 2.5 + 1e-3


def test_many_curves_invert_the_contrast_of_tissue() -> None:
    falls = [float(image[0, 0, 380]) < float(image[0, 0, 120]) for image in curved("MR")]
    assert 0.2 < np.mean(falls) < 0.8


def test_only_a_share_and_only_mr() -> None:
    assert all(torch.equal(image, RAMP) for image in curved("CT") + curved("PT") + curved("MR", prob=0.0))
    assert 0.2 < np.mean([torch.equal(image, RAMP) for image in curved("MR", prob=0.5)]) < 0.8


def test_wrong_arguments() -> None:
    for wrong in ({"knots": 0}, {"max_slope": 0.0}):
        with pytest.raises(ValueError, match="at least one knot and a positive slope"):
            RandToneCurved("image", **wrong)
