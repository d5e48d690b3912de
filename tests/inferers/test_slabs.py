# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.priors import IdentityPrior
from monai_ddfm.rectifiers import StructureRectifier


def _head(slices: int) -> torch.Tensor:
    """Two smooth sources of many slices that disagree, with empty slices at the ends."""
    axis = torch.linspace(-3, 3, 20)
    depth = torch.linspace(-2, 2, slices)
    blob = torch.exp(-(axis[:, None, None] ** 2 + axis[None, :, None] ** 2 + depth**2))
    waves = torch.sin(2 * axis)[:, None, None] * torch.cos(3 * depth)
    sources = torch.stack([2 * blob - 1, blob * (1 + waves) - 1])[None]
    sources[..., [0, 1, -1]] = -1
    return sources.clamp(-1, 1)


def _fuse(sources: torch.Tensor, slab: int) -> torch.Tensor:
    inferer = DDFMInferer(StructureRectifier(spatial_dims=3), slab=slab, steps=1, start_timestep=50)
    return inferer(sources, IdentityPrior())


def test_slabs_hardly_show() -> None:
    sources = _head(60)
    difference = (_fuse(sources, 20) - _fuse(sources, 100)).abs()
    assert difference.max() < 0.02
    assert difference.mean() < 1e-4


def test_every_slice_is_fused_once_and_background_stays() -> None:
    sources = _head(31)
    for slab in (1, 7, 31):
        fused = _fuse(sources, slab)
        assert fused.shape == (1, 1, 20, 20, 31)
        assert (fused[..., [0, 1, -1]] == -1).all()
        assert (fused[0, 0, 10, 10, 3:-2] > -0.99).all()


def test_one_slice_of_a_volume_is_as_a_slice_of_its_own() -> None:
    sources = _head(31)[..., 15:16]
    flat = DDFMInferer(StructureRectifier(), steps=1, start_timestep=50)(sources, IdentityPrior())
    torch.testing.assert_close(_fuse(sources, 64), flat, atol=1e-5, rtol=0)


def test_a_slab_has_slices() -> None:
    with pytest.raises(ValueError, match="slab must be at least 1"):
        DDFMInferer(slab=0)
