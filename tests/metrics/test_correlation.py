# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Correlation and the sum of the correlations of differences: their laws."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from monai_ddfm.metrics import correlation, sum_of_correlations_of_differences


def random_sources(k: int, seed: int = 0) -> torch.Tensor:
    return 255 * torch.rand(2, k, 16, 16, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20)
@given(k=st.integers(2, 4), seed=st.integers(0, 1000))
def test_sum_of_k_sources_scores_k(k: int, seed: int) -> None:
    sources = random_sources(k, seed)
    scd = sum_of_correlations_of_differences(sources.sum(1, keepdim=True), sources)
    torch.testing.assert_close(scd, torch.full((2,), float(k), dtype=torch.float64))


def test_copying_a_source_leaves_nothing_for_the_other() -> None:
    sources = random_sources(2)
    terms = sum_of_correlations_of_differences(sources[:, :1], sources, per_source=True)
    assert terms[:, 1].tolist() == [0.0, 0.0]


@settings(max_examples=20)
@given(gain=st.floats(0.1, 10.0), offset=st.floats(-100.0, 100.0))
def test_correlation_ignores_gain_and_offset(gain: float, offset: float) -> None:
    sources = random_sources(2)
    fused = sources.mean(1, keepdim=True)
    torch.testing.assert_close(
        correlation(gain * fused.double() + offset, sources), correlation(fused, sources), rtol=1e-5, atol=1e-5
    )


def test_correlation_of_a_copy_is_one() -> None:
    sources = random_sources(2)
    each = correlation(sources[:, 1:], sources, per_source=True)
    assert each[:, 1].tolist() == pytest.approx([1.0, 1.0])
    torch.testing.assert_close(each.mean(1), correlation(sources[:, 1:], sources))
