# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import colorsys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps

from monai_ddfm.transforms import ColourFunctional, ColourFunctionald
from monai_ddfm.transforms.colour_functional import add_chroma, split_chroma


def _hue(rgb: torch.Tensor) -> float:
    return colorsys.rgb_to_hsv(*rgb.tolist())[0]


def test_chroma_has_no_luminance() -> None:
    rgb = torch.rand(3, 4, 5, 2, generator=torch.Generator().manual_seed(0))
    grey, chroma = split_chroma(rgb)
    assert split_chroma(chroma)[0].abs().max() < 1e-6
    torch.testing.assert_close(grey + chroma, rgb)


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_colour_keeps_luminance_and_stays_in_range(seed: int, grey: float) -> None:
    rgb = torch.rand(3, 6, 1, generator=torch.Generator().manual_seed(seed))
    coloured = add_chroma(torch.full((1, 6, 1), grey), split_chroma(rgb)[1])
    assert coloured.min() >= -1e-6 and coloured.max() <= 1 + 1e-6
    torch.testing.assert_close(split_chroma(coloured)[0], torch.full((1, 6, 1), grey), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["inferno", "hot", "jet"])
def test_hue_is_the_colour_maps_where_uptake_is_high(name: str) -> None:
    uptake = torch.linspace(0.6, 0.9, 50).view(1, 50, 1, 1)
    colours = ColourFunctional(name)(torch.zeros(1, 50, 1, 1), uptake * 2 - 1)[:, :, 0, 0]
    for index in range(50):
        expected = torch.tensor(colormaps[name](round(float(uptake[0, index, 0, 0]) * 255))[:3])
        difference = abs(_hue(colours[:, index]) - _hue(expected))
        assert min(difference, 1 - difference) < 0.01


def test_grey_stays_grey_without_uptake() -> None:
    fused = torch.linspace(-1, 1, 11).view(1, 11, 1, 1)
    colours = ColourFunctional("jet")(fused, torch.full((1, 11, 1, 1), -1.0))
    torch.testing.assert_close(colours, ((fused + 1) / 2).expand(3, -1, -1, -1))


def test_unknown_map_is_named() -> None:
    with pytest.raises(ValueError, match="rainbowish"):
        ColourFunctional("rainbowish")


def test_dictionary_form_without_a_functional_source_does_nothing() -> None:
    data = {"pred": torch.zeros(1, 2, 2, 1)}
    assert "colour" not in ColourFunctionald("pred", functional=None)(data)
    coloured = ColourFunctionald("pred", functional="PET")({**data, "PET": torch.ones(1, 2, 2, 1)})
    assert coloured["colour"].shape == (3, 2, 2, 1)
