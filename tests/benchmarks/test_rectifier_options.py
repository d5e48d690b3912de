# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import rectifier_options


def test_sets_are_weighted_and_an_option_changes_its_row(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = rectifier_options.find_pairs(pairs)
    one, other = (rectifier_options.means([pair], {}) for pair in found)
    both = rectifier_options.means(found, {})
    assert both["VIF"] == pytest.approx((21 * one["VIF"] + 42 * other["VIF"]) / 63)
    monkeypatch.setattr(sys, "argv", ["x", "--pairs", str(pairs), "--half", rectifier_options.half_of(found[0])])
    monkeypatch.setattr(rectifier_options, "CHANGES", ({"structure": 0.0},))
    rectifier_options.main()
    default, changed = capsys.readouterr().out.strip().splitlines()[2:]
    assert default.startswith("| default |") and changed.startswith("| `structure` 0.0 |")
    assert default.split("|")[2:] != changed.split("|")[2:]
