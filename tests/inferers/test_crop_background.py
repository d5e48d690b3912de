# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch

from monai_ddfm.foreground import foreground_box
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.priors import IdentityPrior
from monai_ddfm.rectifiers import StructureRectifier


def _volume() -> torch.Tensor:
    """Two sources of a small body off the centre of a large field of view."""
    sources = torch.full((1, 2, 90, 80, 4), -1.0)
    texture = torch.rand(2, 24, 20, 4, generator=torch.Generator().manual_seed(0))
    sources[0, :, 40:64, 30:50] = texture * 1.5 - 0.8
    return sources


def test_the_box_holds_all_tissue_and_a_margin() -> None:
    slices = _volume()[0].movedim(-1, 0)
    assert foreground_box(slices, 0) == (slice(40, 64), slice(30, 50))
    assert foreground_box(slices, 16) == (slice(24, 80), slice(14, 66))
    assert foreground_box(slices, 100) == (slice(0, 90), slice(0, 80))


def test_cropping_changes_next_to_nothing() -> None:
    sources = _volume()
    for rectifier in (StructureRectifier(noise=0), StructureRectifier(noise=0, spatial_dims=3)):
        whole, cropped = (
            DDFMInferer(rectifier, crop_background=crop, denoise_sources=False, maps=["provenance"])(
                sources, IdentityPrior()
            )
            for crop in (False, True)
        )
        torch.testing.assert_close(cropped[:, :1], whole[:, :1], atol=1e-4, rtol=0)
        torch.testing.assert_close(cropped[:, 1:].sum(1), torch.ones(1, 90, 80, 4))


def test_the_anchors_background_stays() -> None:
    sources = _volume()
    sources[0, 0, :5] = -0.99  # noise of the anchor, below what counts as tissue
    fused = DDFMInferer(StructureRectifier(), denoise_sources=False)(sources, IdentityPrior())
    assert (fused[0, 0, :5] == -0.99).all()
