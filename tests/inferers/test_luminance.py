# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Luminance in, chroma kept."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.inferers import LuminanceRange, luminance
from monai_ddfm.inferers.luminance import rectify_luminance


def chroma(rgb: Tensor) -> Tensor:
    """Cb and Cr of ITU-R BT.601, full range."""
    red, green, blue = rgb.unbind(1)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([(blue - y) / 1.772, (red - y) / 1.402], dim=1)


def test_known_colours() -> None:
    colours = torch.tensor([[1.0, 1, 1], [-1, -1, -1], [1, -1, -1], [0, 0, 0]]).view(4, 3, 1, 1)
    full = luminance(colours).flatten().tolist()
    assert full == pytest.approx([1.0, -1.0, 2 * 0.299 - 1, 0.0], abs=1e-6)
    studio = luminance(colours, LuminanceRange.STUDIO).flatten().tolist()
    assert studio == pytest.approx([235 / 255, (16 - 219) / 255, (16 - 219 * 0.402) / 255, 16 / 255], abs=1e-6)


@pytest.mark.parametrize("luminance_range", list(LuminanceRange))
def test_only_the_luminance_changes(luminance_range: LuminanceRange) -> None:
    generator = torch.Generator().manual_seed(0)
    rgb = 2 * torch.rand(2, 3, 5, 6, generator=generator) - 1
    wanted = torch.rand(2, 1, 5, 6, generator=generator)
    seen = []

    def rectify(x0: Tensor, t: int, state: int) -> tuple[Tensor, int]:
        seen.append((x0, t, state))
        return wanted, state + 1

    rectified, state = rectify_luminance(rectify, luminance_range)(rgb, 40, 2)
    torch.testing.assert_close(luminance(rectified, luminance_range), wanted)
    torch.testing.assert_close(chroma(rectified), chroma(rgb), rtol=0, atol=1e-6)
    torch.testing.assert_close(seen[0][0], luminance(rgb, luminance_range))
    assert (seen[0][1:], state) == ((40, 2), 3)
