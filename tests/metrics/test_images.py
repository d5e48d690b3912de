# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Grey levels, tissue and window filtering."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from monai_ddfm.metrics.images import filter_valid, slices_with_tissue, to_grey_levels


def test_grey_levels_of_the_inferer_and_of_pictures() -> None:
    assert to_grey_levels(torch.tensor([-1.0, 0.0, 1.0, 1.2]), (-1, 1)).tolist() == [0, 128, 255, 255]
    assert to_grey_levels(torch.tensor([-3.0, 7.4, 255.0]), (0, 255)).tolist() == [0, 7, 255]
    with pytest.raises(ValueError, match="lowest, highest"):
        to_grey_levels(torch.zeros(1), (1, 0))


def test_tissue_in_any_source_counts() -> None:
    sources = torch.zeros(3, 2, 10, 10)
    sources[1, 1, 0, 0] = 200.0  # 1 percent of the pixels
    sources[2] = 12.0  # below 5 percent of the range
    assert slices_with_tissue(sources).tolist() == [False, True, False]


def test_filter_is_a_separable_correlation() -> None:
    images = torch.rand(2, 1, 20, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    window = torch.tensor([0.2, 0.5, 0.2], dtype=torch.float64)
    expected = F.conv2d(images, torch.outer(window, window)[None, None])
    torch.testing.assert_close(filter_valid(images, window), expected)
