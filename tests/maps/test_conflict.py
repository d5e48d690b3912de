# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch
from torch import Tensor

from monai_ddfm.maps import MAPS, Fusion


def _fusion(sources: Tensor, provenance: Tensor, drawn: list[Tensor] | None = None, left: float = 0.0) -> Fusion:
    fused = (provenance * sources).sum(1, keepdim=True)
    return Fusion(sources, fused, provenance, lambda: drawn or [fused], 0.01, lambda: torch.full_like(sources, left))


def test_conflict_is_where_sources_disagree_and_neither_dominates() -> None:
    sources = torch.tensor([0.5, -0.5]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    for share, wanted in ((0.5, 0.5), (0.9, 0.3), (1.0, 0.0)):
        provenance = torch.tensor([share, 1 - share]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
        torch.testing.assert_close(
            MAPS["conflict"].compute(_fusion(sources, provenance)), torch.full((1, 1, 4, 4), wanted)
        )
    assert not MAPS["conflict"].compute(_fusion(torch.ones(1, 2, 4, 4), torch.full((1, 2, 4, 4), 0.5))).any()


def test_uncertainty_adds_what_draws_show_and_the_noise_that_was_left() -> None:
    sources, provenance = torch.zeros(1, 2, 2, 5, 5), torch.full((1, 2, 2, 5, 5), 0.5)
    drawn = [torch.full((1, 1, 2, 5, 5), value) for value in (0.1, -0.1)]
    told = MAPS["uncertainty"].compute(_fusion(sources, provenance, drawn, left=0.04))
    torch.testing.assert_close(told, torch.full_like(told, (0.12**2 + 2 * 0.02**2) ** 0.5))
