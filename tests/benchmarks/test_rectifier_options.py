# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import rectifier_options
from PIL import Image

SLICES = np.load(Path(__file__).parents[1] / "data" / "fusion_metrics.npz")


def test_sets_are_weighted_and_an_option_changes_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, other, name, key in (
        ("CT-MRI", "CT", "2012.png", "stroke_mr_62"),
        ("PET-MRI", "PET", "25010.png", "stroke_mr_84"),
    ):
        for modality, picture in zip(("MRI", other), SLICES[key], strict=True):
            (tmp_path / folder / modality).mkdir(parents=True)
            Image.fromarray(picture[:64, :64]).save(tmp_path / folder / modality / name)
    pairs = rectifier_options.find_pairs(tmp_path)
    one, other = (rectifier_options.means([pair], {}) for pair in pairs)
    both = rectifier_options.means(pairs, {})
    assert both["VIF"] == pytest.approx((21 * one["VIF"] + 42 * other["VIF"]) / 63)
    monkeypatch.setattr(sys, "argv", ["x", "--pairs", str(tmp_path), "--half", rectifier_options.half_of(pairs[0])])
    monkeypatch.setattr(rectifier_options, "CHANGES", ({"structure": 0.0},))
    rectifier_options.main()
    default, changed = capsys.readouterr().out.strip().splitlines()[2:]
    assert default.startswith("| default |") and changed.startswith("| `structure` 0.0 |")
    assert default.split("|")[2:] != changed.split("|")[2:]
