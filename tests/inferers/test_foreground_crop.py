# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A completed box in parts is the completed box."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch

from monai_ddfm.inferers.foreground_crop import MARGIN, ForegroundCrop


@pytest.mark.parametrize("axis", [0, 2, 3])
def test_parts_are_those_of_the_completed_box(axis: int) -> None:
    slices = torch.full((3, 2, 30, 40), -1.0)
    slices[:, :, 5:, 20:22] = torch.rand(3, 2, 25, 2, generator=torch.Generator().manual_seed(0))  # to the lower border
    crop = ForegroundCrop(slices, MARGIN)
    cut = crop.cut(slices)
    completed = crop.complete(cut)
    assert tuple(completed.shape[2:]) == crop.size == (25 + 2 * MARGIN, 2 + 2 * MARGIN)
    for start, stop in combinations(range(completed.shape[axis] + 1), 2):  # some lie wholly beyond the image
        part = crop.part(cut, axis, slice(start, stop))
        assert torch.equal(part, completed.narrow(axis, start, stop - start))
