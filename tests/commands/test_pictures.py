# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Two pictures and a name: what a person wants to look at has the name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_ddfm.__main__ import main


def pictures(folder: Path, coloured: bool) -> list[str]:
    y, x = np.mgrid[:64, :64]
    inside = (x - 32) ** 2 + (y - 32) ** 2 < 26**2
    grey = (inside * (120 + 40 * np.sin(x / 2))).astype(np.uint8)
    uptake = inside * np.exp(-((x - 40.0) ** 2 + (y - 30) ** 2) / 60)
    rgb = np.stack([255 * uptake, 200 * uptake**2, 0 * uptake], axis=-1).astype(np.uint8)
    Image.fromarray(grey).save(folder / "mr.png")
    Image.fromarray(rgb if coloured else rgb[..., 0]).save(folder / "pet.png")
    return [str(folder / "mr.png"), str(folder / "pet.png")]


@pytest.mark.parametrize("coloured", [True, False])
def test_the_name_is_the_colour_pictures_where_a_source_has_colour(tmp_path: Path, coloured: bool) -> None:
    assert main(["fuse", *pictures(tmp_path, coloured), "-o", str(tmp_path / "out" / "out.png")]) == 0
    written = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert written == {"out.png", "out_preview.png"} | ({"out_grey.png"} if coloured else set())
    assert Image.open(tmp_path / "out" / "out.png").mode == ("RGB" if coloured else "L")
    if coloured:
        assert Image.open(tmp_path / "out" / "out_grey.png").mode == "L"
        hot = np.asarray(Image.open(tmp_path / "out" / "out.png"), dtype=int)[30, 40]
        assert hot[0] > 200 and hot[2] < 140  # the tracer's yellow, not olive


def test_an_unknown_colour_map_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*pictures(tmp_path, False), "-o", str(tmp_path / "a.png"), "--modalities", "MR", "PT"]
    assert main(["fuse", *arguments, "--set", "colour_map", "hot-iron"]) == 1
    assert "no colour map 'hot-iron'; the nearest are hot_iron" in capsys.readouterr().err


def test_pictures_larger_than_a_block_of_the_rectifier(tmp_path: Path) -> None:
    """Equal sources are the result; more than 2**18 pixels in a slice were uninitialised memory once."""
    grey = np.add.outer(np.arange(520) % 200, np.arange(540) % 50).astype(np.uint8)
    for name in ("mr.png", "ct.png"):
        Image.fromarray(grey).save(tmp_path / name)
    sources = [str(tmp_path / "mr.png"), str(tmp_path / "ct.png")]
    settings = ["--modalities", "MR", "MR", "--set", "denoise_sources", "false"]
    settings += ["--set", "rectifier_options", "{prior_strength: 0}"]
    assert main(["fuse", *sources, "-o", str(tmp_path / "out.png"), *settings]) == 0
    fused = np.asarray(Image.open(tmp_path / "out.png"), dtype=int)
    assert np.abs(fused - grey).max() <= 1
