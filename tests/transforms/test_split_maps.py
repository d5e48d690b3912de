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

import torch

from monai_ddfm.transforms import SplitMapsd


def test_every_map_gets_its_channels() -> None:
    pred = torch.arange(6.0).view(6, 1, 1, 1)  # fused, provenance of three sources, uncertainty, novelty
    split = SplitMapsd("pred", maps=["novelty", "provenance", "uncertainty"], sources=3)({"pred": pred})
    assert split["pred"].flatten().tolist() == [0]
    assert split["provenance"].flatten().tolist() == [1, 2, 3]
    assert split["uncertainty"].flatten().tolist() == [4]
    assert split["novelty"].flatten().tolist() == [5]


def test_without_maps_nothing_changes() -> None:
    assert set(SplitMapsd("pred", maps=[], sources=2)({"pred": torch.zeros(1, 2, 2, 2)})) == {"pred"}
