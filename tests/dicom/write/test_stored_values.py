# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monai_ddfm.dicom.write.stored_values import store_values

VALUES = arrays(np.float64, (2, 3, 4), elements=st.floats(-1e5, 1e5, width=32))


@given(values=VALUES, modality=st.sampled_from(["MR", "CT", "PT"]))
def test_the_way_back_is_exact_to_half_a_grey_level(values: np.ndarray, modality: str) -> None:
    stored = store_values(values, modality)
    back = stored.pixels * stored.slope + stored.intercept
    # the slope is rounded to 16 characters, which at most doubles the half level
    assert np.abs(back - values).max() <= stored.slope * 1.01
    assert stored.pixels.dtype in (np.uint16, np.int16)


@given(values=VALUES)
def test_pet_has_no_intercept(values: np.ndarray) -> None:
    assert store_values(values, "PT").intercept == 0


def test_mr_grey_levels_stay_as_they_are() -> None:
    stored = store_values(np.array([0.4, 300.6, 1200.0]), "MR")
    assert (stored.slope, stored.intercept) == (1.0, 0.0)
    assert stored.pixels.tolist() == [0, 301, 1200]
    assert store_values(np.array([-20.0, 300.0]), "MR").pixels.tolist() == [-20, 300]


def test_mr_of_small_range_is_stretched() -> None:
    stored = store_values(np.array([-1.0, 0.0, 1.0]), "MR")
    assert stored.pixels.tolist() == [0, 32767, 65535] or stored.pixels.tolist() == [0, 32768, 65535]
    assert stored.slope == pytest.approx(2 / 65535)


def test_a_constant_is_stored() -> None:
    stored = store_values(np.full((2, 2), 3.5), "CT")
    assert (stored.pixels * stored.slope + stored.intercept == 3.5).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_refuses_what_is_no_number(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        store_values(np.array([0.0, bad]), "MR")
