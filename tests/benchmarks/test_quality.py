# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The quality benchmark as it is run, on two small pairs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import quality
import torch
from PIL import Image

from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from tests.benchmarks.conftest import SLICES


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["quality.py", *map(str, arguments)])
    quality.main()


def test_tables_of_the_baselines(pairs: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    run(monkeypatch, "--pairs", pairs, "--preset", "none", "--json", tmp_path / "q.json", "--device", "cpu")
    result = json.loads((tmp_path / "q.json").read_text())
    assert list(result["tables"]) == ["CT-MRI", "MRI_PET", "all 2 pairs"]
    table = result["tables"]["all 2 pairs"]
    assert list(table) == list(quality.BASELINES)
    maxima = [SLICES[key][:, :64, :64].max(axis=0) for key in ("stroke_mr_62", "stroke_mr_84")]
    assert table["maximum"]["SD"] == pytest.approx(np.mean([m.std() for m in maxima]))
    printed = capsys.readouterr().out
    assert printed.count("| copy of the MRI |") == 3


def test_half_and_saved_pictures_of_a_preset(pairs: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    run(monkeypatch, "--pairs", pairs, "--preset", "default", "--half", "report", "--save", out, "--device", "cpu")
    written = [p for p in out.rglob("*") if p.is_file()]
    assert written == [out / "MRI_PET" / "2010.png"]

    pipeline = FusionPipeline(FusionConfig.of(progress=False, device="cpu"))
    sources = torch.tensor(SLICES["stroke_mr_84"][:, :64, :64])[None] / 127.5 - 1
    fused = pipeline.inferer(sources, pipeline.prior)
    with Image.open(written[0]) as picture:
        np.testing.assert_allclose(np.asarray(picture), (fused[0, 0] + 1) * 127.5, atol=1)


def test_ranks() -> None:
    rows = [
        {"method": method, **dict.fromkeys(quality.COLUMNS, value)} for method, value in (("a", 1), ("b", 3), ("c", 1))
    ]
    ranks = {method: values["mean rank"] for method, values in quality.summarise(rows).items()}
    assert ranks == {"a": 2.5, "b": 1.0, "c": 2.5}


def test_paper_without_prior_stays_between_the_sources() -> None:
    sources = torch.tensor(SLICES["stroke_mr_62"])[None].float()
    fused = quality.paper_without_prior(sources)
    assert (fused - sources.mean(1, keepdim=True)).abs().mean() < 5
