# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The classical fusions: their laws."""

from __future__ import annotations

import pytest
import torch
from classical import average, copy_anchor, guided_filter_fusion, laplacian_pyramid, maximum

FUSIONS = (copy_anchor, average, maximum, laplacian_pyramid, guided_filter_fusion)


def random_sources(k: int = 2) -> torch.Tensor:
    return 255 * torch.rand(1, k, 64, 80, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("fusion", FUSIONS)
def test_equal_sources_fuse_to_themselves(fusion) -> None:
    sources = random_sources(1).expand(1, 3, 64, 80)
    torch.testing.assert_close(fusion(sources), sources[:, :1], atol=1e-3, rtol=0)


@pytest.mark.parametrize("fusion", FUSIONS[1:])
def test_order_of_the_sources_does_not_matter(fusion) -> None:
    sources = random_sources(3)
    torch.testing.assert_close(fusion(sources), fusion(sources.flip(1)), atol=1e-3, rtol=0)


def test_pyramid_takes_the_details_of_both() -> None:
    texture = torch.zeros(1, 2, 64, 64)
    texture[0, 0, 8:24, 8:24:2] = 200.0
    texture[0, 1, 40:56, 40:56:2] = 200.0
    fused = laplacian_pyramid(texture)
    for place in (slice(10, 22), slice(42, 54)):
        assert fused[0, 0, place, place].diff(dim=-1).abs().mean() > 150  # 200 in its source


def test_guided_filter_keeps_the_sharp_source() -> None:
    generator = torch.Generator().manual_seed(0)
    sharp = 255 * torch.rand(1, 1, 128, 128, generator=generator)
    blurred = torch.full_like(sharp, 128.0)
    blurred[..., :64], texture = sharp[..., :64], sharp.clone()
    texture[..., :64] = 128.0  # left half sharp in one source, right half in the other
    fused = guided_filter_fusion(torch.cat([blurred, texture], dim=1))
    error = (fused - sharp).abs().mean(dim=(0, 1, 2))
    assert error[:48].mean() < 5 and error[80:].mean() < 5


def test_guided_filter_takes_the_first_of_two_sources_that_say_nothing() -> None:
    """As the authors' program does; a mean of both would spread background into the base layer."""
    flat = torch.stack([torch.full((48, 48), level) for level in (100.0, 20.0)])[None]
    torch.testing.assert_close(guided_filter_fusion(flat), flat[:, :1], atol=1e-3, rtol=0)
