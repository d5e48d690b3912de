# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch

from monai_ddfm.transforms import SplitMaps, SplitMapsd


def test_every_map_gets_its_channels() -> None:
    pred = torch.arange(6.0).view(6, 1, 1, 1)  # fused, provenance of three sources, uncertainty, novelty
    split = SplitMapsd("pred", maps=["novelty", "provenance", "uncertainty"], sources=3)({"pred": pred})
    assert split["pred"].flatten().tolist() == [0]
    assert split["provenance"].flatten().tolist() == [1, 2, 3]
    assert split["uncertainty"].flatten().tolist() == [4]
    assert split["novelty"].flatten().tolist() == [5]


def test_without_maps_nothing_changes() -> None:
    assert set(SplitMapsd("pred", maps=[], sources=2)({"pred": torch.zeros(1, 2, 2, 2)})) == {"pred"}


def test_array_form_gives_the_parts_in_the_registrys_order() -> None:
    fused, provenance, novelty = SplitMaps(["novelty", "provenance"], sources=2)(torch.arange(4.0).view(4, 1, 1, 1))
    assert [part.flatten().tolist() for part in (fused, provenance, novelty)] == [[0], [1, 2], [3]]
