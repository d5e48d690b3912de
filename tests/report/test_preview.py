# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The picture a person looks at first."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image, ImageDraw

from monai_ddfm.report.preview import middle_planes, preview_picture

AFFINE = torch.diag(torch.tensor([1.0, 1.0, 4.0, 1.0], dtype=torch.float64))


def test_planes_are_upright_with_square_pixels() -> None:
    volume = torch.zeros(1, 100, 120, 10)
    volume[0, 10, 110, :] = 1.0  # small first index, large second
    across, side, front = middle_planes(MetaTensor(volume, affine=AFFINE), (10, 110, 5))
    assert across.shape == (240, 200, 3)  # height, width: 120 x 100 voxels of 1 mm, twice
    assert side.shape == (80, 200, 3)  # 10 slices of 4 mm
    assert front.shape == (80, 240, 3)
    bright = np.argwhere(across[..., 0] > 128)
    assert bright[:, 0].max() < 240 * 0.1  # the second index grows upwards
    assert bright[:, 1].max() < 200 * 0.12


def test_one_slice_gives_one_plane() -> None:
    (plane,) = middle_planes(torch.rand(1, 200, 300, 1), (0, 0, 0))
    assert plane.shape == (300, 200, 3)


def test_picture_has_a_column_for_each_volume() -> None:
    volumes = {
        "MR": torch.full((1, 30, 20, 10), -1.0),
        "PET": torch.full((1, 30, 20, 10), 1.0),
        "colour": torch.tensor([1.0, 0.0, 0.5]).view(3, 1, 1, 1).expand(3, 30, 20, 10),
    }
    picture = np.asarray(preview_picture(volumes))
    assert picture.shape[2] == 3
    columns = np.split(picture, 3, axis=1)
    below_titles = [column[30, column.shape[1] // 2].tolist() for column in columns]
    assert below_titles == [[0, 0, 0], [255, 255, 255], [255, 0, 128]]
    assert all(column[:16].max() > 128 for column in columns)  # every column has its title


@pytest.mark.parametrize("size", [20, 6])  # 6: columns narrower than the words
def test_picture_says_what_it_is_not_for(size: int) -> None:
    volume = torch.full((1, size, 60, 40), -1.0)
    picture = np.asarray(preview_picture({"MR": volume, "fused": volume}))
    words = Image.new("RGB", (picture.shape[1], 16))
    ImageDraw.Draw(words).text((4, 2), "Research use only, not for diagnostic use", fill="white")
    np.testing.assert_array_equal(picture[-16:], np.asarray(words))
    assert words.getbbox()[2] < picture.shape[1]


def test_planes_go_where_the_brightness_is() -> None:
    volume = torch.full((1, 200, 200, 20), -1.0)
    volume[0, 150:170, 20:40, 15:18] = 1.0
    picture = np.asarray(preview_picture({"fused": volume}))[..., 0]
    centre = picture[16 + 170, 160]  # the first plane, 200 x 200, upright: row 199 - 29
    assert centre == 255
