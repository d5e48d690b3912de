# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every bad weights file and datalist gets the right result, or one line that names it; see `test_corpus`."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from monai_ddfm.__main__ import parse_arguments
from monai_ddfm.cohort import find_cases
from monai_ddfm.cohort.cohort import fuse_cases
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import IdentityPrior, convert_prior
from tests.robustness.corpus.bad_input import BadInput
from tests.robustness.corpus.datalists import bad_datalists, write_datalist
from tests.robustness.corpus.diffusers_folders import bad_folders, write_folder
from tests.robustness.corpus.weights import bad_checkpoints, bad_weights
from tests.robustness.test_corpus import fused_in, met_whole, require_right, small_case
from tests.tiny_unet import write_tiny_prior

__all__ = ["small_case"]  # the fixture
_PROCESS, _RESIDENT_SLACK = Path("/proc/self"), 64 << 20


def _kept_small(door: Any, given: Any, output: Path) -> Any:
    """Go through a door: its peak of resident memory, torch's included, stays bounded; a refusal leaves no file."""
    if (_PROCESS / "clear_refs").exists():
        (_PROCESS / "clear_refs").write_text("5")  # forget the peak
    before = _memory("VmRSS")
    try:
        return door(given, output)
    except Exception:
        left = [path for path in output.rglob("*") if path.is_file() and path.suffix not in (".json", ".html", ".lock")]
        assert not left, f"left {left[0].name}"
        raise
    finally:
        assert (took := _memory("VmHWM") - before) < _RESIDENT_SLACK, f"took {took >> 20} MiB"


def _memory(kind: str) -> int:
    lines = (_PROCESS / "status").read_text().splitlines() if (_PROCESS / "status").exists() else []
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(kind)), 0)


def test_weights(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"fused_{number}" for number in count())

    def fuse(weights: Path, output: Path) -> np.ndarray:
        images = [str(small_case / f"{key}.nii.gz") for key in ("MR", "PET")]
        settings = ["--set", "weights", str(weights), "--set", "denoise_sources", "true", "--steps", "1"]
        options = parse_arguments(["fuse", *images, "-o", str(output), "--device", "cpu", "-q", *settings])
        options.run(options)
        return fused_in(output)

    whole = write_tiny_prior(tmp_path / "whole.safetensors")
    fuse(whole, next(outputs))  # imports take memory, too
    door = lambda weights: _kept_small(fuse, weights, next(outputs))  # noqa: E731
    require_right(bad_weights(), door, *met_whole(door, whole), tmp_path)
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("kind", ["checkpoints", "folders"])
def test_foreign_weights(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("diffusers")
    monkeypatch.chdir(tmp_path)
    inputs: list[BadInput] = bad_checkpoints() if kind == "checkpoints" else bad_folders()
    outputs = (tmp_path / f"converted_{number}" for number in count())

    def convert(source: Path, output: Path) -> np.ndarray:
        options = {"num_head_channels": 16} if kind == "checkpoints" and not source.is_dir() else {}
        convert_prior(source, output / "p.safetensors", **options)
        return np.concatenate([value.ravel() for _, value in sorted(load_file(output / "p.safetensors").items())])

    (tmp_path / "whole").mkdir()
    if kind == "checkpoints":
        whole = next(bad for bad in inputs if bad.harmless).make(tmp_path / "whole")
    else:
        whole = write_folder(tmp_path / "whole")
    convert(whole, next(outputs))
    door = lambda source: _kept_small(convert, source, next(outputs))  # noqa: E731
    require_right(inputs, door, *met_whole(door, whole), tmp_path)
    assert not Path("made_by_checkpoint").exists()


def test_datalists(small_case: Path, tmp_path: Path) -> None:
    outputs = (tmp_path / f"cohort_{number}" for number in count())

    def run(datalist: Any, output: Path) -> np.ndarray:
        cases = find_cases(small_case, ["MR", "PET"], datalist)
        settings = {"device": "cpu", "progress": False, "report": False, "output_dir": str(output)}
        config = FusionConfig.of(anchor="MR", sources=["PET"], **settings)
        fuse_cases(FusionPipeline(config, IdentityPrior()), cases)
        return fused_in(output)

    (tmp_path / "whole").mkdir()
    whole = write_datalist(tmp_path / "whole")
    run(whole, next(outputs))
    door = lambda datalist: _kept_small(run, datalist, next(outputs))  # noqa: E731
    require_right(bad_datalists(), door, *met_whole(door, whole), tmp_path)
    assert not list(Path.cwd().iterdir())
