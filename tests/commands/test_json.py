# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``--json``: one document on stdout and nothing else, after an error, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_ddfm.__main__ import COMMANDS, main
from tests.volumes import save_nifti


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command with ``--json``: its exit code and its document."""

    def run(*words: Any) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main([*map(str, words), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_of_a_fusion_its_measures_and_reports(say: Any, tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).random((44, 44, 4), dtype=np.float32)
    sources = [save_nifti(tmp_path / f"{name}.nii.gz", voxels) for name in ("MR", "PET")]
    regions = save_nifti(tmp_path / "regions.nii.gz", (voxels > 0.5).astype(np.uint8))
    out = tmp_path / "out"
    code, document = say("fuse", *sources, "-o", out, "--device", "cpu", "--set", "denoise_sources", "false")
    assert (code, document["case"]) == (0, "MR")
    assert document["files"][0] == str(out / "MR.json")
    assert str(out / "MR_fused.nii.gz") in document["files"]
    assert all(Path(file).exists() for file in document["files"])

    code, again = say("fuse", "--record", out / "MR.json", "-o", tmp_path / "again", "--device", "cpu")
    assert code == 0 and len(again["files"]) == len(document["files"])

    code, document = say("measure", *sources, "--regions", regions, "-o", tmp_path / "numbers")
    assert code == 0 and len(document["files"]) == 2
    assert document["regions"] == json.loads((tmp_path / "numbers.json").read_text())

    code, document = say("evaluate", out)
    assert code == 0 and all(Path(file).exists() for file in document["files"])
    assert document["metrics"]["MR"]["SCD"] is not None

    code, document = say("report", out)
    assert code == 0 and all(Path(file).exists() for file in document["files"])

    code, document = say("mip", out / "MR_fused.nii.gz", "-o", tmp_path / "mip", "--format", "png")
    assert code == 0 and Path(document["files"][0]).exists()


@pytest.mark.parametrize("command", [command.NAME for command in COMMANDS if command.NAME != "selftest"])
def test_of_an_error(command: str, say: Any, tmp_path: Path) -> None:
    more = {"measure": ["--regions", tmp_path / "none"], "convert-prior": [tmp_path / "out.safetensors"]}
    code, document = say(command, tmp_path / "none.nii.gz", *more.get(command, []))
    assert code == 1
    assert set(document) == {"error"} and set(document["error"]) == {"kind", "reason"}
    assert "none" in document["error"]["reason"]
