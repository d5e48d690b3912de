# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""CIELAB, and what each way of mixing keeps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import rgb2lab

from monai_ddfm.transforms.colour_mixing import Blend, add_chroma, from_lab, mix, opacity_of, split_chroma, to_lab


def colours(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(3, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_cielab_is_scikit_images_and_has_a_way_back() -> None:
    rgb = colours(0, 500)
    torch.testing.assert_close(to_lab(rgb), torch.from_numpy(rgb2lab(rgb.T.numpy())).T, atol=0.03, rtol=0)
    torch.testing.assert_close(from_lab(to_lab(rgb)), rgb, atol=1e-6, rtol=0)
    grey = torch.linspace(0, 1, 11, dtype=torch.float64).expand(3, -1)
    assert to_lab(grey)[1:].abs().max() < 1e-9


def test_chroma_has_no_luminance() -> None:
    rgb = colours(0, 4, 5, 2)
    grey, chroma = split_chroma(rgb)
    assert split_chroma(chroma)[0].abs().max() < 1e-6
    torch.testing.assert_close(grey + chroma, rgb)


@given(st.integers(0, 2**31), st.floats(0, 1))
def test_luminance_blend_keeps_luminance_and_stays_in_range(seed: int, grey: float) -> None:
    rgb = colours(seed, 6, 1)
    coloured = add_chroma(torch.full((1, 6, 1), grey, dtype=torch.float64), split_chroma(rgb)[1])
    assert coloured.min() >= -1e-6 and coloured.max() <= 1 + 1e-6
    torch.testing.assert_close(
        split_chroma(coloured)[0], torch.full((1, 6, 1), grey, dtype=torch.float64), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("blend", list(Blend))
@given(seed=st.integers(0, 2**31))
def test_every_blend_stays_in_range_and_leaves_grey_alone_without_opacity(blend: Blend, seed: int) -> None:
    colour, grey = colours(seed, 40), colours(seed + 1, 40)[:1]
    opacity = torch.linspace(0, 1, 40, dtype=torch.float64)[None]
    mixed = mix(grey, colour, opacity, blend)
    assert mixed.min() >= -1e-6 and mixed.max() <= 1 + 1e-6
    torch.testing.assert_close(mixed[:, 0], grey[0, 0].expand(3), atol=1e-6, rtol=0)


def test_opacities() -> None:
    uptake = torch.tensor([0.0, 0.1, 0.3, 0.5, 0.75, 1.0])
    assert opacity_of(uptake, Blend.LINEAR_OPACITY, 0.2, 0.8).tolist() == pytest.approx([0, 0, 0.24, 0.4, 0.6, 0.8])
    assert opacity_of(uptake, Blend.THRESHOLD, 0.3, 0.6).tolist() == pytest.approx([0, 0, 0.6, 0.6, 0.6, 0.6])
    assert opacity_of(uptake, Blend.PERCEPTUAL, 0.1).tolist() == pytest.approx([0, 0, 0.5, 1, 1, 1], abs=1e-6)


def test_alpha_blending_is_the_weighted_mean() -> None:
    colour, grey = colours(3, 5), torch.full((1, 5), 0.2, dtype=torch.float64)
    mixed = mix(grey, colour, torch.full_like(grey, 0.25), Blend.LINEAR_OPACITY)
    torch.testing.assert_close(mixed, 0.25 * colour + 0.15)
