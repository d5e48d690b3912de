# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Colour as readers know it: hue and lightness of the map that they know, wherever there is uptake."""

from __future__ import annotations

import colorsys

import pytest
import torch
from matplotlib import colormaps

from monai_ddfm.transforms import ColourFunctional, ColourFunctionald
from monai_ddfm.transforms.colour_maps import colour_table
from monai_ddfm.transforms.colour_mixing import to_lab

READ = ["hot_iron", "pet_20_step", "rainbow", "inferno", "hot_metal_blue", "pet"]


def every_pair(name: str, **how: object) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """8-bit colours of all levels of grey and uptake in CIELAB, the map's own at the same uptake, and the uptake."""
    grey, uptake = torch.meshgrid(torch.linspace(0, 1, 256), torch.linspace(0, 1, 256), indexing="ij")
    rgb = ColourFunctional(name, **how)(2 * grey[None] - 1, 2 * uptake[None] - 1)  # type: ignore[arg-type]
    of_map = to_lab(colour_table(name).T)[:, None].expand(-1, 256, -1)
    return to_lab((rgb * 255).round() / 255), of_map, uptake


def hue(lab: torch.Tensor) -> torch.Tensor:
    return torch.rad2deg(torch.atan2(lab[2], lab[1]))


def chroma(lab: torch.Tensor) -> torch.Tensor:
    return torch.hypot(lab[1], lab[2])


def olive(lab: torch.Tensor) -> torch.Tensor:
    """Dark yellow."""
    return (hue(lab) > 90) & (hue(lab) < 125) & (lab[0] < 70) & (chroma(lab) > 20)


@pytest.mark.parametrize("name", READ)
def test_no_pixel_leaves_the_maps_hue_and_lightness_where_uptake_is_above_half(name: str) -> None:
    shown, of_map, uptake = every_pair(name)
    taken_up = uptake > 0.5
    assert (shown[0] - of_map[0]).abs()[taken_up].max() < 10
    seen = taken_up & (chroma(of_map) > 10) & (chroma(shown) > 10)  # near white and black there is no hue
    turned = (hue(shown) - hue(of_map) + 180) % 360 - 180
    assert turned[seen].abs().max() < 5
    assert chroma(shown)[taken_up].mean() > 0.85 * chroma(of_map)[taken_up].mean()


@pytest.mark.parametrize(
    ("name", "opacity"),
    [(name, 1.0) for name in (*READ, "hsv", "jet", "viridis", "autumn")] + [(name, 0.6) for name in READ],
)
def test_nothing_is_olive_where_the_map_has_none(name: str, opacity: float) -> None:
    """A yellow is not darkened, neither a step of a stepped map (pet_20_step) nor one that is half transparent."""
    shown, of_map, _ = every_pair(name, opacity=opacity)
    assert not olive(of_map).any()
    assert not olive(shown).any()


@pytest.mark.parametrize("name", READ)
def test_anatomy_is_seen_in_the_light_of_every_colour(name: str) -> None:
    shown, _, uptake = every_pair(name)
    columns = (uptake[0] > 0.5) & (colour_table(name).amax(1) > 0.3) & (colour_table(name).amin(1) < 0.7)
    lightness = shown[0][:, columns]
    assert (lightness[255] - lightness[0] > 5).all()


@pytest.mark.parametrize("name", ["inferno", "hot", "jet"])
def test_luminance_blend_keeps_the_hue(name: str) -> None:
    uptake = torch.linspace(0.6, 0.9, 50).view(1, 50, 1, 1)
    colours = ColourFunctional(name, "luminance")(torch.zeros(1, 50, 1, 1), uptake * 2 - 1)[:, :, 0, 0]
    for index in range(50):
        expected = colormaps[name](round(float(uptake[0, index, 0, 0]) * 255))[:3]
        difference = abs(colorsys.rgb_to_hsv(*colours[:, index].tolist())[0] - colorsys.rgb_to_hsv(*expected)[0])
        assert min(difference, 1 - difference) < 0.01


@pytest.mark.parametrize("blend", ["perceptual", "linear_opacity", "threshold", "luminance"])
def test_grey_stays_grey_without_uptake(blend: str) -> None:
    fused = torch.linspace(-1, 1, 11).view(1, 11, 1, 1)
    colours = ColourFunctional("jet", blend)(fused, torch.full((1, 11, 1, 1), -1.0))
    torch.testing.assert_close(colours, ((fused + 1) / 2).expand(3, -1, -1, -1), atol=0.51 / 255, rtol=0)


def test_several_tracers_add_up_as_light_does() -> None:
    """Red, green and blue tracers: each alone is its hue, two together are yellow, cyan or magenta, all are white."""
    mask = torch.arange(8)
    uptakes = [torch.where((mask >> bit) % 2 == 1, 1.0, -1.0).view(1, 8, 1, 1) for bit in range(3)]
    rgb = ColourFunctional(["red", "green", "blue"], "linear_opacity")(torch.full((1, 8, 1, 1), -1.0), uptakes)
    expected = torch.stack([((mask >> bit) % 2).float() for bit in range(3)])
    torch.testing.assert_close(rgb[..., 0, 0], expected)
    perceptual = ColourFunctional(["red", "green", "blue"])(torch.zeros(1, 8, 1, 1), uptakes)[..., 0, 0]
    apart = torch.cdist(to_lab(perceptual).T, to_lab(perceptual).T) + 100 * torch.eye(8)
    assert apart.min() > 15


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"rainbowish.*nearest are rainbow"):
        ColourFunctional("rainbowish")
    with pytest.raises(ValueError, match="blend must be one of perceptual, linear_opacity, threshold, luminance"):
        ColourFunctional("hot", "oklab")
    with pytest.raises(ValueError, match="from 0 to 1"):
        ColourFunctional("hot", opacity=2)
    with pytest.raises(ValueError, match="2 functional sources for 1 colour maps"):
        ColourFunctional("hot")(torch.zeros(1, 2, 2, 1), [torch.zeros(1, 2, 2, 1)] * 2)


def test_dictionary_form_without_a_functional_source_does_nothing() -> None:
    data = {"pred": torch.zeros(1, 2, 2, 1)}
    assert "colour" not in ColourFunctionald("pred", functional=None)(data)
    coloured = ColourFunctionald("pred", functional="PET")({**data, "PET": torch.ones(1, 2, 2, 1)})
    assert coloured["colour"].shape == (3, 2, 2, 1)
    both = ColourFunctionald("pred", functional=["PET", "NM"])({**data, "PET": data["pred"], "NM": data["pred"]})
    assert both["colour"].shape == (3, 2, 2, 1)
