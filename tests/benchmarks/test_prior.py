# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The benchmark of the prior as it is run, on two small pairs, with the shipped weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import prior
import pytest
import torch

from tests.benchmarks.conftest import write_pairs


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs", slice(48, 144), ("33012.png", "33012.png"))


def test_prior_helps_where_there_is_noise_and_only_there(pairs: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    arguments = ["prior.py", "--pairs", str(pairs), "--no-seeds", "--json", str(tmp_path / "rows.json")]
    monkeypatch.setattr(sys, "argv", arguments)
    prior.main()
    rows = json.loads((tmp_path / "rows.json").read_text())
    for condition, gain in (("noise 5 %", 0.5), ("noise 10 %", 2.0)):
        own = [row for row in rows if row["condition"] == condition]
        alone, both = (prior.mean(own, "PSNR", method=method) for method in ("rectifier", "default"))
        assert both > alone + gain
        assert prior.mean(own, "SSIM", method="default") > prior.mean(own, "SSIM", method="rectifier")
    clean = [row for row in rows if row["condition"] == "clean"]
    for measure in prior.MEASURES:
        alone, both = (prior.mean(clean, measure, method=method) for method in ("rectifier", "default"))
        assert both > 0.95 * alone
    assert {row["set"] for row in rows if row["condition"] == "Poisson"} == {"MRI_PET"}
    assert capsys.readouterr().out.count("| CT-MRI") == 5


def test_noise_follows_from_the_name() -> None:
    case = prior.Case("PET-MRI", "1", torch.zeros(1, 2, 64, 64), counts_photons=True)
    first, second = prior.degraded(case, 100.0, clip=False), prior.degraded(case, 100.0, clip=True)
    assert first["noise 10 %"].std().item() == pytest.approx(0.2, rel=0.05)
    assert first["Poisson"][:, 1].std().item() == pytest.approx(2 * (0.5 / 100) ** 0.5, rel=0.05)
    assert torch.equal(first["Poisson"][:, 0], case.sources[:, 0])
    assert all(torch.equal(first[name].clamp(-1, 1), second[name]) for name in first)
    other = prior.degraded(case._replace(name="2"), 100.0, clip=False)
    assert not torch.equal(first["noise 5 %"], other["noise 5 %"])


def test_psnr() -> None:
    assert prior.psnr(torch.full((1, 1, 4, 4), 0.2), torch.zeros(1, 1, 4, 4)) == pytest.approx(20.0, abs=1e-4)
