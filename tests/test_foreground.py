# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Where there is something, where there is nothing, and the box around it."""

from __future__ import annotations

import pytest
import torch

from monai_ddfm.foreground import BACKGROUND, EMPTY, emptiness, foreground_box, has_foreground


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_voxel_is_nothing_where_all_sources_are_and_foreground_where_any_is(count: int) -> None:
    levels = torch.tensor([-1.0, EMPTY, -0.99, BACKGROUND, -0.5, 1.0])
    sources = torch.full((1, count, 2, 6), -1.0)
    sources[0, -1, 1] = levels
    before = sources.clone()
    empty, foreground = emptiness(sources), has_foreground(sources)
    torch.testing.assert_close(sources, before)  # neither writes into what it is given
    assert empty.shape == foreground.shape == (1, 1, 2, 6)
    assert empty[0, 0].tolist() == [[1.0] * 6, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]]
    assert foreground[0, 0].tolist() == [[False] * 6, [False, False, False, False, True, True]]


def test_the_box_holds_all_foreground_and_its_margin_within_the_image() -> None:
    sources = torch.full((2, 2, 10, 12), -1.0)
    sources[0, 1, 3, 4], sources[1, 0, 6, 9] = 0.5, 0.5
    assert foreground_box(sources, 0) == (slice(3, 7), slice(4, 10))
    assert foreground_box(sources, 4) == (slice(0, 10), slice(0, 12))
