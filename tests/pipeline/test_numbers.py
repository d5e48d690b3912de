# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Numbers stay right: laws that hold for a whole fusion, at the door where a user meets it."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from monai_ddfm.pipeline import FuseDDFM
from monai_ddfm.priors import IdentityPrior


def body(seed: int = 0, slices: int = 6, size: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """An MR (0 in air, a bright vein) and a PET (SUV, a lesion far above the rest) of one body ``[1, H, W, D]``."""
    generator = torch.Generator().manual_seed(seed)
    y, x, z = torch.meshgrid(
        *(torch.linspace(-1.5, 1.5, n) for n in (size, size)), torch.linspace(-1, 1, slices), indexing="ij"
    )
    inside = (y**2 / 1.1 + x**2 + (0.5 * z) ** 2) < 1
    coarse = torch.rand(1, 1, size // 5, size // 4, slices, generator=generator)
    texture = torch.nn.functional.interpolate(coarse, size=(size, size, slices), mode="trilinear")[0, 0]
    mr = (300 + 500 * texture + 20 * torch.sin(9 * x)) * inside
    mr[size // 2 : size // 2 + 2, size // 2 - 6 : size // 2 - 4] = 4095
    pet = (0.4 + 1.5 * texture.flip(0) ** 2) * inside
    pet[size // 2 - 6 : size // 2, size // 2 + 1 : size // 2 + 7, slices // 2 - 1 : slices // 2 + 2] += 49.0
    return mr.round()[None], pet[None]


@cache
def fuse(**wanted: Any) -> FuseDDFM:
    return FuseDDFM(["MR", "PT"], network=IdentityPrior(), check_registration=False, device="cpu", **wanted)


def fused(*sources: torch.Tensor, fuser: FuseDDFM | None = None) -> torch.Tensor:
    """The fusion of images in scanner units, in the units of the first."""
    return (fuser or fuse())(list(sources)).as_subclass(torch.Tensor)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**31), front=st.integers(0, 9), back=st.integers(0, 30), axis=st.sampled_from([1, 2, 3]))
def test_background_around_a_volume_changes_nothing(seed: int, front: int, back: int, axis: int) -> None:
    sources = body(seed)
    padding = [0, 0] * (3 - axis) + [front, back]
    padded = fused(*(torch.nn.functional.pad(source, padding) for source in sources))
    plain = fused(*sources)
    torch.testing.assert_close(padded.narrow(axis, front, plain.shape[axis]), plain, atol=1e-2, rtol=1e-5)


def test_background_around_a_body_that_touches_the_border_changes_nothing() -> None:
    sources = [source[:, 12:, :, 1:] for source in body(3)]
    padded = fused(*(torch.nn.functional.pad(source, (3, 0, 0, 0, 20, 5)) for source in sources))
    torch.testing.assert_close(padded[:, 20:-5, :, 3:], fused(*sources), atol=1e-2, rtol=1e-5)


@pytest.mark.parametrize("axes", [(1,), (2,), (3,), (1, 2, 3), "transposed"])
def test_flips_and_transposes_commute_with_fusion(axes: Any) -> None:
    def turn(image: torch.Tensor) -> torch.Tensor:
        return image.transpose(1, 2) if axes == "transposed" else image.flip(axes)

    sources = body(5)
    scale = float(sources[0].quantile(0.99))
    difference = (fused(*map(turn, sources)) - turn(fused(*sources))).abs() / scale
    assert difference.max() < 0.005


def thick(*volumes: torch.Tensor) -> list[MetaTensor]:
    """Slices of 4 mm with pixels of 1 mm, across which windows reach over few slices."""
    return [MetaTensor(volume, affine=torch.diag(torch.tensor([1.0, 1.0, 4.0, 1.0]))) for volume in volumes]


def test_results_do_not_depend_on_slab() -> None:
    sources = thick(*body(7, slices=70, size=20))
    whole = fused(*sources, fuser=fuse(slab=70))
    for slab in (1, 9, 20):
        difference = (fused(*sources, fuser=fuse(slab=slab)) - whole).abs() / sources[0].quantile(0.99)
        assert difference.max() < 1e-4


@pytest.mark.parametrize("noise", [0, 150])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_noisy_sources_neither_depend_on_slab_nor_on_slices_per_batch(noise: int, spatial_dims: int) -> None:
    generator = torch.Generator().manual_seed(2)
    mr, pet = body(9, slices=60, size=24)
    mr = (mr + noise * torch.randn(mr.shape, generator=generator)).clamp_min(0) * (mr > 0)
    ways = [{"slices_per_batch": 1, "slab": 9}, {"slices_per_batch": 8, "slab": 60}]
    first, second = (
        fused(*thick(mr, pet), fuser=fuse(spatial_dims=spatial_dims, precision="float32", **way)) for way in ways
    )
    assert (first - second).abs().max() < 1e-4 * mr.quantile(0.99)


def test_values_beyond_the_window_come_back() -> None:
    """The brightest of the anchor is above its percentile; it ends as what it was, in the anchor's unit."""
    mr, pet = body(1)
    assert fused(mr, pet)[mr == 4095].max() == pytest.approx(4095, rel=1e-5)
    lesion = pet > 40
    of_pet = FuseDDFM(["PT", "MR"], network=IdentityPrior(), check_registration=False)([pet, mr])
    assert (of_pet[lesion] / pet[lesion] - 1).abs().max() < 0.15  # MR has a small share in it


def test_ct_outside_its_window_comes_back() -> None:
    """Air is -1000 again and metal 3000, in a window of -100 to 900 HU."""
    mr, _ = body(2)
    ct = torch.where(mr > 0, mr / 10, -1000.0)
    ct[:, 18:20, 20:22] = 3000.0
    result = FuseDDFM(["CT", "MR"], network=IdentityPrior(), check_registration=False)([ct, mr])
    assert (result[(ct == -1000) & (mr == 0)] + 1000.0).abs().max() < 0.01
    assert float(result[:, 18:20, 20:22].max()) == pytest.approx(3000.0, rel=1e-5)


def test_where_the_fusion_follows_the_anchor_alone_its_value_is_the_anchors_own() -> None:
    """Half of the volume has no uptake at all: there the fusion is the MR, to its quantisation of 1."""
    mr, pet = body(4, size=96)
    pet[:, :60] = 0.0
    followed = (slice(None), slice(0, 28))
    as_they_are = fuse(denoise_sources=False)  # the texture differs from slice to slice, as noise does
    difference = (fused(mr, pet, fuser=as_they_are) - mr)[followed].abs()
    assert difference.max() <= 0.5


def test_the_result_keeps_the_geometry_of_the_anchor() -> None:
    mr, pet = body(4)
    affine = torch.diag(torch.tensor([0.9, 0.9, 3.0, 1.0], dtype=torch.float64))
    result = fuse()([MetaTensor(mr, affine=affine), MetaTensor(pet, affine=affine)])
    torch.testing.assert_close(result.affine, affine)
