# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Bad weights are refused in one line that names them, before they take memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from tests.robustness.corpus.verdict import met_whole, require_right
from tests.robustness.corpus.weights import bad_weights
from tests.tiny_unet import write_tiny_prior

pytest.importorskip("diffusers.models.unets.unet_2d")  # what imports take is not what weights take


def test_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    x_t = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    def door(path: Path) -> np.ndarray:
        prior = FusionPipeline(FusionConfig.of(weights=str(path), device="cpu")).prior
        with torch.no_grad():
            return prior.predict_x0(x_t, 500).numpy()

    whole = write_tiny_prior(tmp_path / "whole.safetensors")
    require_right(bad_weights(), door, *met_whole(door, whole), tmp_path)
    assert not list(Path.cwd().iterdir())
