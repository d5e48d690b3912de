# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""TorchScript networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from monai_ddfm.priors import TorchScriptPrior


class Scaled(nn.Module):
    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        return 0.5 * x + timesteps.to(x.dtype).view(-1, 1, 1, 1) * 1e-3


def test_is_called_with_image_and_timesteps(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Scaled()), tmp_path / "net.ts")
    prior = TorchScriptPrior(tmp_path / "net.ts", prediction_type="sample")
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(prior.predict_x0(x, 100), 0.5 * x + 0.1)


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        TorchScriptPrior(tmp_path / "nowhere.ts")
    torch.save({"weight": torch.ones(2)}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match=r"state\.pt: not a TorchScript file"):
        TorchScriptPrior(tmp_path / "state.pt")
