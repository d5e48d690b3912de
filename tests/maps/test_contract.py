# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What every map promises: each line of the registry is held to it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from monai_ddfm.maps import MAPS, Fusion, FusionMap

SOURCES = torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(params=MAPS)
def line(request: pytest.FixtureRequest) -> FusionMap:
    return MAPS[request.param]


def fusion(sources: Tensor) -> Fusion:
    """The mean of the sources, repeated with a little noise."""
    mean = sources.mean(dim=1, keepdim=True)
    draws = [mean + 0.05 * torch.randn(mean.shape, generator=torch.Generator().manual_seed(k)) for k in range(4)]
    return Fusion(
        sources, mean, torch.full_like(sources, 1 / 3), lambda: draws, 0.01, lambda: 0.05 * torch.ones_like(sources)
    )


def test_shape(line: FusionMap) -> None:
    image = line.compute(fusion(SOURCES))
    assert image.shape == (2, line.channels(3), 12, 10)
    assert torch.isfinite(image).all()


def test_never_negative(line: FusionMap) -> None:
    assert line.compute(fusion(SOURCES)).min() >= 0


def test_says_what_it_shows(line: FusionMap) -> None:
    assert 10 < len(line.summary) < 100


def test_leaves_the_sources_alone(line: FusionMap) -> None:
    sources = SOURCES.clone()
    line.compute(fusion(sources))
    assert torch.equal(sources, SOURCES)
