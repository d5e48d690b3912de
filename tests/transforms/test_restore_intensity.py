# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Back into the anchor's units."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.transforms import (
    NormalizeLike,
    NormalizeModality,
    NormalizeModalityd,
    RestoreIntensity,
    RestoreIntensityd,
)
from tests.volumes import random_volume


def test_linear() -> None:
    img = MetaTensor(torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1, 1), meta={"intensity_range": (-160.0, 240.0)})
    assert RestoreIntensity()(img).flatten().tolist() == pytest.approx([-160.0, 40.0, 240.0])


def test_units_of_another_image() -> None:
    data = {"CT": random_volume(4, 4, 4) - 500, "PET": random_volume(4, 4, 4, seed=1)}
    data = NormalizeModalityd(["CT", "PET"])(data)
    data["fused"] = torch.zeros(1, 4, 4, 4)
    restored = RestoreIntensityd(["fused", "absent"], like="CT", allow_missing_keys=True)(data)
    assert restored["fused"].eq(40.0).all()
    assert restored["CT"] is data["CT"]
    own = RestoreIntensityd("PET")(data)
    assert float(own["PET"].max()) == pytest.approx(data["PET"].meta["intensity_range"][1], rel=1e-5)


@given(seed=st.integers(0, 2**31), share=st.floats(-1, 1))
@settings(max_examples=20)
def test_nothing_is_lost_beyond_the_window(seed: int, share: float) -> None:
    """Black and white stand for the image's own value where it is beyond; brighter is more; there is a way back."""
    ct = 3000 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(seed))
    normalised = NormalizeModality("CT", ct_window=(-100, 900), clip=False)(ct)
    shown = normalised.clamp(-1, 1)
    torch.testing.assert_close(RestoreIntensity()(shown, normalised), ct, rtol=1e-5, atol=1e-2)
    level = torch.full_like(ct, share)
    restored = RestoreIntensity()(level, normalised)
    assert (RestoreIntensity()(level - 0.1, normalised) < restored).all()
    inside = (ct > -100) & (ct < 900)
    assert restored[inside].numpy() == pytest.approx(400 + 500 * share, abs=1e-2)
    torch.testing.assert_close(NormalizeLike()(restored, normalised), level, rtol=0, atol=1e-4)


@pytest.mark.parametrize("like", [None, random_volume(2, 2, 2, file="MR.nii.gz")])
def test_image_that_was_not_scaled(like: MetaTensor | None) -> None:
    with pytest.raises(
        ValueError, match=r"(image|MR\.nii\.gz): no 'intensity_range' in its meta: NormalizeModality did not"
    ):
        RestoreIntensity()(torch.zeros(1, 2, 2, 2), like)
