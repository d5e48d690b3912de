# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every metric against values computed by an independent implementation (tests/data/generate_fusion_metrics.py)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from monai_ddfm import metrics

DATA = Path(__file__).parents[1] / "data"
ROWS = json.loads((DATA / "fusion_metrics.json").read_text())
SLICES = np.load(DATA / "fusion_metrics.npz")

METRICS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "EN": lambda fused, sources: metrics.entropy(fused),
    "SD": lambda fused, sources: metrics.standard_deviation(fused),
    "SF": lambda fused, sources: metrics.spatial_frequency(fused),
    "AG": lambda fused, sources: metrics.average_gradient(fused),
    "MI": metrics.mutual_information,
    "SCD": metrics.sum_of_correlations_of_differences,
    "VIF": metrics.visual_information_fidelity,
    "Qabf": metrics.edge_transfer,
    "SSIM_range2": lambda fused, sources: metrics.structural_similarity(fused, sources, data_range=2.0),
    "SSIM_range255": metrics.structural_similarity,
}


def fuse(sources: Tensor, fusion: str) -> Tensor:
    """Fuse ``[B, K, H, W]`` in one of the three ways of the golden files."""
    if fusion == "first":
        return sources[:, :1]
    return sources.mean(1, keepdim=True).round() if fusion == "average" else sources.amax(1, keepdim=True)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['slice']}-{row['fusion']}")
def test_equals_independent_implementation(row: dict, name: str) -> None:
    sources = torch.from_numpy(SLICES[row["slice"]]).float()[None]
    value = METRICS[name](fuse(sources, row["fusion"]), sources)
    assert value.shape == (1,)
    assert value.item() == pytest.approx(row[name], abs=1e-6)


@pytest.mark.parametrize("name", METRICS)
def test_images_of_a_batch_are_measured_alone(name: str) -> None:
    sources = torch.stack([torch.from_numpy(SLICES[k]).float() for k in ("stroke_mr_62", "stroke_mr_84")])
    together = METRICS[name](fuse(sources, "maximum"), sources)
    alone = torch.cat([METRICS[name](fuse(s, "maximum"), s) for s in sources.split(1)])
    torch.testing.assert_close(together, alone)


@pytest.mark.skipif("MONAI_DDFM_GOLDEN_PAIRS" not in os.environ, reason="the atlas pairs may not be redistributed")
def test_equals_published_evaluator() -> None:
    """On the atlas pairs in MONAI_DDFM_GOLDEN_PAIRS, with the evaluator's values in MONAI_DDFM_GOLDEN_METRICS."""
    pairs = Path(os.environ["MONAI_DDFM_GOLDEN_PAIRS"])
    rows = json.loads(Path(os.environ["MONAI_DDFM_GOLDEN_METRICS"]).read_text())
    for row in rows:
        other = row["set"].split("-")[0]
        files = (pairs / row["set"] / folder / row["name"] for folder in ("MRI", other))
        sources = torch.stack([torch.from_numpy(np.array(Image.open(f).convert("L"))).float() for f in files])[None]
        for name, metric in METRICS.items():
            assert metric(fuse(sources, row["fusion"]), sources).item() == pytest.approx(row[name], abs=1e-3), row[
                "name"
            ]
