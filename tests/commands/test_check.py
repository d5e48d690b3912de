# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from monai_ddfm.__main__ import main, parse_arguments
from tests.volumes import save_nifti


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 32)] * 3, indexing="ij"))
    ball = (1000 * (np.square(grid).sum(0) < 0.7) * (1 + 0.3 * np.sin(9 * grid[0]))).astype(np.float32)
    noisy = ball + np.random.default_rng(0).normal(0, 200, ball.shape).astype(np.float32) * (ball > 0)
    files = {"MR": ball, "PET": noisy}
    return [str(save_nifti(tmp_path / f"{name}.nii.gz", voxels, np.eye(4))) for name, voxels in files.items()]


def test_it_says_what_fuse_would_do_and_writes_nothing(
    sources: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", *sources, "-o", str(tmp_path / "out"), "--quiet"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith(f"MR: MR, {sources[0]}; 32 x 32 x 32 voxels of 1 x 1 x 1 mm, RAS")
    assert "covers 100 % of the anchor" in second and "will be cleaned" in second
    assert "would write" in last and "GiB of memory" in last
    assert sorted(tmp_path.rglob("*")) == before


def test_as_json(sources: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *sources, "--json", "--quiet", "--set", "denoise_sources", "false"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sources"]["PET"]["noise"] == "not cleaned, as was asked"
    assert said["sources"]["PET"]["registration"]
    assert said["forecast"]["memory"] > 0


def test_what_would_end_the_fusion_ends_it(sources: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", sources[0], sources[0] + "x"]) == 1
    assert "no such file" in capsys.readouterr().err
    assert main(["check", *sources, "--dicomweb", "http://localhost:1"]) == 1
    assert "give --study, --anchor and --source, and no files" in capsys.readouterr().err
    assert main(["check", "--record", "MR.json"]) == 1
    assert "leave out --record" in capsys.readouterr().err


def test_options_in_the_bundles_spelling() -> None:
    options = parse_arguments(["fuse", "a", "b", "--output_format", "both", "--set", "fused_suffix", "x_y"])
    assert options.output_format == "both"
    assert options.set == [["fused_suffix", "x_y"]]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", shell])
    assert ended.value.code == 0
    assert "convert-prior" in capsys.readouterr().out
