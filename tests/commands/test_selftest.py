# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm selftest`` passes here, and says what is wrong where something is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT, WEIGHTS
from monai_ddfm.commands import installation


def test_this_installation(capsys: pytest.CaptureFixture) -> None:
    assert main(["selftest", "--json", "--device", "cpu"]) == 0
    report = json.loads(capsys.readouterr().out)
    names = ["weights", "prior", "fusion", "same image twice", "NIfTI geometry", "DICOM geometry", "bfloat16"]
    assert report["passed"] and [check["name"] for check in report["checks"]] == names
    assert sum(check["seconds"] for check in report["checks"]) < 60


def test_the_stored_values_are_of_these_weights() -> None:
    """Whoever changes the weights or the paper's rectifier writes what this prints into bundle/models/selftest.json."""
    device = torch.device("cpu")
    with torch.no_grad():
        values = {
            "weights_sha256": hashlib.sha256((BUNDLE_ROOT / WEIGHTS).read_bytes()).hexdigest(),
            "prior": installation.prior_means(device),
            "fusion": installation.fused_means(device),
        }
    stored = json.loads(installation.GOLDEN.read_text())
    assert stored["weights_sha256"] == values["weights_sha256"], json.dumps(values)
    for name in ("prior", "fusion"):
        assert stored[name] == pytest.approx(values[name], abs=5e-4), json.dumps(values)


def test_what_is_wrong_is_said_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    stored = json.loads(installation.GOLDEN.read_text())
    monkeypatch.setattr(installation, "GOLDEN", tmp_path / "selftest.json")
    monkeypatch.setattr(installation, "_SHAPES", [(1, 16, 16)])
    installation.GOLDEN.write_text(json.dumps({**stored, "weights_sha256": "0", "prior": [0.0] * 16}))
    assert main(["selftest", "--device", "cpu"]) == 1
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == ["FAILED", "FAILED", "ok", "ok", "ok", "ok", "ok"]
    assert "prior.safetensors has SHA-256 " in lines[0] and "expected 0: it was changed or damaged" in lines[0]
    assert "off by 0.053 from the stored values" in lines[1]
    assert said.err.startswith(
        "monai_ddfm: FailedChecksError: 2 of 7 checks failed: weights, prior; do not use results"
    )
    assert len(said.err.splitlines()) == 1
