# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

from __future__ import annotations

import pytest
import torch

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
        start="sources",
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
