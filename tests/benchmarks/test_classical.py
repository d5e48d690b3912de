# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The classical fusions: their laws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as nd
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


def as_in_matlab(sources: torch.Tensor) -> torch.Tensor:
    """Guided-filter fusion with what Kang's MATLAB program adds: repeated borders, weights of 8 bit."""
    images = sources[0].double().numpy() / 255
    square = np.mgrid[-5:6, -5:6] ** 2
    gaussian = np.exp(-square.sum(0) / 50)
    saliency = [
        nd.correlate(abs(nd.laplace(i, mode="nearest")), gaussian / gaussian.sum(), mode="nearest") for i in images
    ]
    most = np.argmax(saliency, axis=0)
    base = np.stack([nd.uniform_filter(i, 31, mode="nearest") for i in images])
    fused = np.zeros_like(images[0])
    for layer, radius, epsilon in ((base, 45, 0.3), (images - base, 7, 1e-6)):
        weights = np.stack([guided(image, most == k, radius, epsilon) for k, image in enumerate(images)])
        weights = np.round(np.clip(255 * weights, 0, 255)) + 1e-9
        fused += (weights / weights.sum(0) * layer).sum(0)
    return torch.from_numpy(255 * fused)


def guided(guide: np.ndarray, image: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Guided filter (He et al. 2010), means over the part of the window that lies in the image."""

    def mean(values: np.ndarray) -> np.ndarray:
        size = 2 * radius + 1
        share = nd.uniform_filter(np.ones_like(guide), size, mode="constant")
        return nd.uniform_filter(np.asarray(values, dtype=float), size, mode="constant") / share

    slope = (mean(guide * image) - mean(guide) * mean(image)) / (mean(guide**2) - mean(guide) ** 2 + epsilon)
    return mean(slope) * guide + mean(mean(image) - slope * mean(guide))


def test_guided_filter_is_the_matlab_programs_within_two_grey_levels_of_255() -> None:
    y, x = torch.meshgrid(torch.linspace(-2, 2, 128), torch.linspace(-2, 2, 128), indexing="ij")
    inside = (y**2 + x**2 < 2).float()
    noise = torch.rand(128, 128, generator=torch.Generator().manual_seed(0))
    mr = inside * (120 + 60 * torch.sin(9 * x) + 40 * noise)
    pet = inside * 230 * torch.exp(-3 * ((x - 0.3) ** 2 + y**2))
    sources = torch.stack([mr, pet])[None]
    difference = (guided_filter_fusion(sources)[0, 0] - as_in_matlab(sources)).abs()
    assert difference.mean() < 0.1 and difference.max() < 2


def test_guided_filter_takes_the_first_of_two_sources_that_say_nothing() -> None:
    """As the MATLAB program does (the first of equal labels); a mean of both would spread background into the base."""
    flat = torch.stack([torch.full((48, 48), level) for level in (100.0, 20.0)])[None]
    torch.testing.assert_close(guided_filter_fusion(flat), flat[:, :1], atol=1e-3, rtol=0)
