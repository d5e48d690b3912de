# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.maps.novelty import novelty, source_envelope
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.rectifiers import EMRectifier, StructureRectifier
from tests.paper_sampling import paper_inferer


class _Inventor(DiffusionPrior):
    """Proposes a bright blob that no source has."""

    def __init__(self) -> None:
        super().__init__(channels=1)

    def predict_x0(self, x_t: torch.Tensor, t: torch.Tensor | int) -> torch.Tensor:
        x0 = torch.full_like(x_t, -0.2)
        x0[..., 8:14, 8:14] = 1.0
        return x0


def _sources(noise: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.linspace(-0.5, 0.1, 32)[:, None].expand(32, 32)
    sources = torch.stack([smooth, smooth.T])[None]
    return (sources + noise * torch.randn(sources.shape, generator=generator)).clamp(-1, 1)


@given(st.integers(0, 1000))
def test_a_choice_between_sources_is_never_new(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    sources = torch.rand(1, 3, 5, 6, 4, generator=generator) * 2 - 1
    chosen = sources.gather(1, torch.randint(3, (1, 1, 5, 6, 4), generator=generator))
    assert novelty(chosen, sources, allowance=0.0).max() == 0
    low, high = source_envelope(sources)
    assert (low <= sources).all() and (sources <= high).all()


def test_novelty_is_the_distance_outside_beyond_the_allowance() -> None:
    sources = torch.zeros(1, 2, 4, 4)
    fused = torch.tensor([-0.3, 0.005, 0.0, 0.5]).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    expected = torch.tensor([0.29, 0.0, 0.0, 0.49])
    torch.testing.assert_close(novelty(fused, sources, allowance=0.01)[0, 0, 0], expected)


def test_what_the_prior_invents_is_reported() -> None:
    sources = _sources(0.0)
    inferer = paper_inferer(3, rectifier=_Obedient(), maps=["novelty"])
    fused, new = inferer(sources, _Inventor())[0]
    assert fused[10, 10] > 0.9
    assert new[10, 10] > 0.5
    assert new[25, 25] < 0.5


def test_what_the_prior_invents_is_suppressed_by_the_default_rectifier() -> None:
    sources = _sources(0.2)
    inferer = DDFMInferer(StructureRectifier(noise=0.2), steps=3, denoise_sources=False, maps=["novelty"])
    fused, new = inferer(sources, _Inventor())[0]
    low, high = source_envelope(sources)
    assert (fused <= high[0, 0] + 1e-5).all() and (fused >= low[0, 0] - 1e-5).all()
    assert new.max() == 0


class _Obedient(EMRectifier):
    """Believes every proposal, so that the report is tested and not the suppression."""

    def __call__(self, x0, sources, state, sigma):  # type: ignore[no-untyped-def]
        return x0, state
