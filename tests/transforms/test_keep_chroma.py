# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image

from monai_ddfm.transforms import KeepChroma, KeepChromad, ReadSource
from monai_ddfm.transforms.colour_mixing import split_chroma, to_lab
from monai_ddfm.transforms.keep_chroma import picture_colours


def _picture(path: Path, rgb: np.ndarray) -> MetaTensor:
    Image.fromarray(rgb).save(path)
    return ReadSource()(path)[..., None] / 127.5 - 1


def test_fused_luminance_with_the_colour_pictures_chroma(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(60, 180, (7, 5, 3), dtype=np.uint8)
    data = {
        "MR": _picture(tmp_path / "mr.png", rng.integers(0, 255, (7, 5), dtype=np.uint8)),
        "SPECT": _picture(tmp_path / "spect.png", rgb),
    }
    grey = torch.full((1, 5, 7, 1), 0.0)  # PNG readers give the horizontal axis first
    colour = KeepChromad("pred", ["MR", "SPECT"], blend="luminance")({**data, "pred": grey})["colour"]
    luminance, chroma = split_chroma(colour)
    torch.testing.assert_close(luminance, torch.full_like(luminance, 0.5), atol=1e-5, rtol=0)
    expected = split_chroma(torch.from_numpy(rgb.T.astype(np.float32) / 255)[..., None])[1]
    torch.testing.assert_close(chroma, expected, atol=1e-5, rtol=0)


def test_bright_yellow_stays_yellow_over_dark_tissue(tmp_path: Path) -> None:
    rgb = np.zeros((6, 6, 3), dtype=np.uint8)
    rgb[:3] = [255, 230, 40]
    data = {"MR": _picture(tmp_path / "mr.png", rgb[..., 0] // 4), "PET": _picture(tmp_path / "pet.png", rgb)}
    colour = KeepChromad("pred", ["MR", "PET"])({**data, "pred": torch.full((1, 6, 6, 1), -0.6)})["colour"][..., 0]
    lightness = to_lab(torch.tensor([1.0, 230 / 255, 40 / 255])[:, None])[0]
    assert (to_lab(colour)[0, :, :3] - lightness).abs().max() < 10
    torch.testing.assert_close(colour[:, :, 3:], torch.full((3, 6, 3), 0.2), atol=1e-5, rtol=0)  # no uptake: grey


def test_grey_pictures_give_no_colour(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (6, 6), dtype=np.uint8)
    data = {"a": _picture(tmp_path / "a.png", grey), "b": _picture(tmp_path / "b.png", np.stack([grey] * 3, -1))}
    assert "colour" not in KeepChromad("pred", ["a", "b"])({**data, "pred": torch.zeros(1, 6, 6, 1)})


def test_array_form_takes_the_colours_themselves(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    data = {"a": _picture(tmp_path / "a.png", rgb), "pred": torch.linspace(-1, 1, 30).view(1, 5, 6, 1)}
    colours = picture_colours(tmp_path / "a.png")
    assert colours is not None
    assert torch.equal(KeepChroma()(data["pred"], colours), KeepChromad("pred", "a")(data)["colour"])
