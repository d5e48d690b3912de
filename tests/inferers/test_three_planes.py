# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.rectifiers import StructureRectifier


class _RowMean(DiffusionPrior):
    """Estimates every voxel as the mean along the slice's rows, so that planes disagree."""

    def __init__(self) -> None:
        super().__init__(channels=1)
        self.shapes: list[tuple[int, ...]] = []

    def predict_x0(self, x_t: torch.Tensor, t: torch.Tensor | int) -> torch.Tensor:
        self.shapes.append(tuple(x_t.shape[-2:]))
        return x_t.mean(dim=-1, keepdim=True).expand_as(x_t).clamp(-1, 1)


def test_the_prior_sees_all_three_planes() -> None:
    sources = torch.rand(1, 2, 6, 8, 10, generator=torch.Generator().manual_seed(0)) * 0.5
    rectifier = StructureRectifier(spatial_dims=3, noise=0.3)
    prior = _RowMean()
    inferer = DDFMInferer(
        rectifier,
        steps=1,
        start_timestep=50,
        denoise_sources=False,
        three_planes=True,
        shared_noise=False,
        precision="float32",
    )
    assert inferer(sources, prior).shape == (1, 1, 6, 8, 10)
    assert set(prior.shapes) == {(6, 8), (10, 8), (6, 10)}


def test_three_planes_need_a_volume_and_noise_that_differs() -> None:
    with pytest.raises(ValueError, match="spatial_dims=3"):
        DDFMInferer(StructureRectifier(), three_planes=True, shared_noise=False)
    with pytest.raises(ValueError, match="shared_noise"):
        DDFMInferer(StructureRectifier(spatial_dims=3), three_planes=True)


def _noisy_volume(shape: tuple[int, int, int], sigma: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 2, 4, 4, 4, generator=generator) - 0.5
    smooth = torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear")
    return smooth + sigma * torch.randn(smooth.shape, generator=generator)


def _cleaning(sources: torch.Tensor, three: bool = True) -> set[tuple[int, ...]]:
    """The sizes of slices that the prior is asked about while sources are cleaned."""
    prior = _RowMean()
    DDFMInferer(
        StructureRectifier(spatial_dims=3),
        steps=1,
        start_timestep=50,
        clean_in_three_planes=three,
        precision="float32",
    )(sources, prior)
    return set(prior.shapes)


def test_sources_are_cleaned_in_three_planes_where_voxels_are_nearly_cubic() -> None:
    volume = _noisy_volume((32, 40, 48), 0.2)
    flat = MetaTensor(volume[0], affine=torch.diag(torch.tensor([1.0, 1.0, 3.0, 1.0])))[None]
    assert _cleaning(volume) == {(32, 40), (48, 40), (32, 48)}
    assert _cleaning(volume, three=False) == {(32, 40)}
    assert _cleaning(flat) == {(32, 40)}


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_precise_sources_ask_for_no_arithmetic(spatial_dims: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("monai_ddfm.inferers.precision.resolve_precision", lambda *_: asked.append(1) or torch.float32)
    inferer = DDFMInferer(StructureRectifier(spatial_dims=spatial_dims))
    inferer(_noisy_volume((32, 40, 48), 0.0), _RowMean())
    assert not asked
    inferer(_noisy_volume((32, 40, 48), 0.2), _RowMean())
    assert asked


def test_three_planes_leave_precise_sources_as_they_are() -> None:
    volume = _noisy_volume((32, 40, 48), 0.0)
    planes, plane = (
        DDFMInferer(StructureRectifier(spatial_dims=3), clean_in_three_planes=three, precision="float32")(
            volume, _RowMean()
        )
        for three in (True, False)
    )
    assert torch.equal(planes, plane)
