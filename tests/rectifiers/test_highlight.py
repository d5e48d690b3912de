# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The laws of the anchor with uptake lit up in it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_ddfm.rectifiers import HighlightRectifier


def lit(anchor: torch.Tensor, *others: torch.Tensor, **options: float) -> torch.Tensor:
    sources = torch.stack([anchor, *others])[None]
    rectifier = HighlightRectifier(**options)
    return rectifier.solve(sources, rectifier.start(sources))[0, 0]


@given(seed=st.integers(0, 2**31), headroom=st.floats(0, 0.9))
@settings(max_examples=20)
def test_monotone_in_the_anchor_and_proportional_to_it_outside_uptake(seed: int, headroom: float) -> None:
    anchor = 2 * torch.rand(9, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    dark = torch.full_like(anchor, -0.5)
    result = lit(anchor, dark, headroom=headroom)
    torch.testing.assert_close((result + 1) / 2, (1 - headroom) * (anchor + 1) / 2)


def test_uptake_is_brighter_than_all_anatomy_the_more_the_higher() -> None:
    uptake = torch.linspace(-1, 1, 41).expand(3, -1)
    anchor = torch.tensor([-1.0, 0.0, 1.0])[:, None].expand(-1, 41)
    result = lit(anchor, uptake)
    above = uptake[0] >= -0.2
    assert (result[:, above].diff(dim=1) > 0).all()
    assert result[:, -1].eq(1.0).all()
    assert result[:, above].min() > result[:, ~above].max() + 0.05  # faint uptake in black air, the brightest anatomy
    assert (result[2] - result[0])[above & (uptake[0] < 0)].min() > 0.2  # anatomy is seen through it


def test_of_several_sources_the_brightest_counts_and_shares_say_which() -> None:
    anchor, low, high = torch.zeros(4, 4), torch.full((4, 4), 0.2), torch.full((4, 4), 0.9)
    assert torch.equal(lit(anchor, low, high), lit(anchor, high))
    sources = torch.stack([anchor, low, high])[None]
    rectifier = HighlightRectifier()
    state = rectifier.start(sources)
    share = rectifier.provenance(state.solution, sources, state)
    torch.testing.assert_close(share.sum(1), torch.ones(1, 4, 4))
    assert share[0, 1].eq(0).all() and share[0, 2].gt(0.8).all()
    assert not rectifier.needs_prior(state)
    assert torch.equal(rectifier(torch.rand(1, 1, 4, 4), sources, state, 0.1)[0], state.solution)


@pytest.mark.parametrize("name", ["threshold", "step", "headroom"])
def test_arguments_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1"):
        HighlightRectifier(**{name: 1.0})
    with pytest.raises(ValueError, match="sources must be"):
        HighlightRectifier().start(torch.zeros(1, 1, 4, 4))
