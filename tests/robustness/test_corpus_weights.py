# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Bad weights, checkpoints and datalists: the right result, or one line that names them, before they take memory."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from monai_ddfm.cohort import find_cases
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import convert_prior
from tests.robustness.corpus.bad_input import BadInput
from tests.robustness.corpus.datalists import bad_datalists, write_datalist
from tests.robustness.corpus.diffusers_folders import bad_folders, write_folder
from tests.robustness.corpus.verdict import met_whole, require_right
from tests.robustness.corpus.weights import bad_checkpoints, bad_weights
from tests.tiny_unet import write_tiny_prior


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test runs in this empty folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def test_weights(elsewhere: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers.models.unets.unet_2d")  # what imports take is not what weights take
    x_t = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    def door(weights: Path) -> np.ndarray:
        prior = FusionPipeline(FusionConfig.of(weights=str(weights), device="cpu")).prior
        with torch.no_grad():
            return prior.predict_x0(x_t, 500).numpy()

    whole = write_tiny_prior(tmp_path / "whole.safetensors")
    require_right(bad_weights(), door, *met_whole(door, whole), tmp_path)
    assert not list(elsewhere.iterdir())


@pytest.mark.parametrize("kind", ["checkpoints", "folders"])
def test_foreign_weights(kind: str, elsewhere: Path, tmp_path: Path) -> None:
    pytest.importorskip("diffusers.models.unets.unet_2d")
    inputs: list[BadInput] = bad_checkpoints() if kind == "checkpoints" else bad_folders()
    outputs = (tmp_path / f"converted_{number}" for number in count())

    def door(source: Path) -> np.ndarray:
        output = next(outputs)
        options = {"num_head_channels": 16} if kind == "checkpoints" and not source.is_dir() else {}
        try:
            convert_prior(source, output / "p.safetensors", **options)
        except Exception:
            assert not list(output.rglob("*")), "left a file"
            raise
        return np.concatenate([value.ravel() for _, value in sorted(load_file(output / "p.safetensors").items())])

    (tmp_path / "whole").mkdir()
    whole = next(one for one in inputs if one.harmless).make if kind == "checkpoints" else write_folder
    require_right(inputs, door, *met_whole(door, whole(tmp_path / "whole")), tmp_path)
    assert not list(elsewhere.iterdir())


def test_datalists(elsewhere: Path, tmp_path: Path) -> None:
    dataset = tmp_path / "case"
    dataset.mkdir()
    for name in ("MR", "PET"):
        (dataset / f"{name}.nii.gz").touch()

    def door(datalist: Any) -> np.ndarray:
        (case,) = find_cases(dataset, ["MR", "PET"], datalist)
        return np.array([Path(case[key]).samefile(dataset / f"{key}.nii.gz") for key in ("MR", "PET")])

    (tmp_path / "whole").mkdir()
    require_right(bad_datalists(), door, *met_whole(door, write_datalist(tmp_path / "whole")), tmp_path)
    assert not list(elsewhere.iterdir())
