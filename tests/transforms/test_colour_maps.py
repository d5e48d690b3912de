# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch

from monai_ddfm.transforms.colour_maps import DICOM_PALETTES, HUES, colour_table, maps_for


@pytest.mark.parametrize("name", [*DICOM_PALETTES, *HUES, "inferno", "rainbow"])
def test_every_map_has_256_colours(name: str) -> None:
    table = colour_table(name)
    assert table.shape == (256, 3)
    assert table.min() >= 0 and table.max() <= 1


def test_known_colours_of_dicoms_palettes() -> None:
    """PS3.6 B.1.1: hot iron is black, pure red at 1/2, white at the end; PET 20 step has 20 colours."""
    iron = colour_table("hot_iron")
    assert iron[0].tolist() == [0, 0, 0] and iron[255].tolist() == [1, 1, 1]
    assert iron[127].tolist() == pytest.approx([254 / 255, 0, 0])
    assert len(torch.unique(colour_table("pet_20_step"), dim=0)) == 20


@pytest.mark.parametrize(
    ("name", "near"), [("hot iron map", "hot_iron"), ("PET 20 Step", "pet_20_step"), ("inferna", "inferno")]
)
def test_unknown_map_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=rf"no colour map '{name}'; the nearest are .*{near}"):
        colour_table(name)


def test_a_map_for_each_source() -> None:
    assert maps_for(["PET"], "auto") == ["inferno"]
    assert maps_for(["PET"], "hot_iron") == ["hot_iron"]
    assert maps_for(["a", "b", "c"], "auto") == ["red", "green", "blue"]
    assert maps_for(["a", "b"], {"b": "cyan", "a": "red"}) == ["red", "cyan"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("hot_iron", r"'hot_iron' for 3 functional sources \(a, b, c\).*one each, \{a: red, b: green, c: blue\}"),
        ({"a": "red", "c": "blue"}, "none for b; give one for each of a, b, c"),
        ({"a": "red", "b": "redd", "c": "blue"}, "no colour map 'redd'; the nearest are red"),
    ],
)
def test_three_sources_and_not_three_maps(given: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        maps_for(["a", "b", "c"], given)  # type: ignore[arg-type]


def test_four_sources_need_their_own() -> None:
    with pytest.raises(ValueError, match="auto is for up to three"):
        maps_for(["a", "b", "c", "d"], "auto")
