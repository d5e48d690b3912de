# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of steps: its measure and its table; the whole of it takes minutes."""

from __future__ import annotations

import pytest
import torch
from steps import psnr, seconds_of_runs, steps_table

from monai_ddfm.pipeline import FusionConfig, FusionPipeline


def test_psnr_counts_tissue_alone() -> None:
    reference = torch.zeros(1, 1, 4, 4)
    fused = reference.clone()
    fused[..., 0] = 9.0
    fused[..., 1:] = 0.2
    assert psnr(fused, reference, torch.arange(4).expand(1, 1, 4, 4) > 0) == pytest.approx(20.0, abs=1e-3)
    assert psnr(reference, reference, torch.ones(1, 1, 4, 4, dtype=torch.bool)) == 99.0


def test_the_table_has_the_median_and_the_spread() -> None:
    rows = [{"steps": 3, "PSNR": 30.0}, {"steps": 25, "PSNR": 45.25}]
    lines = steps_table(rows, [[1.0, 4.0, 2.0], [3.0, 3.0, 3.0]]).splitlines()
    assert lines[2:] == ["| 3 | 2.00 (1.00 to 4.00) | 30.000 |", "| 25 | 3.00 (3.00 to 3.00) | 45.250 |"]


def test_every_run_is_timed() -> None:
    prior = FusionPipeline(FusionConfig.of(device="cpu")).prior
    pair = torch.rand(1, 2, 32, 32, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    seconds = seconds_of_runs("sampling only, ddim", 3, prior, [pair], runs=3)
    assert len(seconds) == 3
    assert min(seconds) > 0.0
