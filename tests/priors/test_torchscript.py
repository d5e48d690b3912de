# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""TorchScript networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from monai_ddfm.__main__ import main
from monai_ddfm.priors import TorchScriptPrior, load_state, open_prior
from tests.volumes import random_volume, save_nifti


class Scaled(nn.Module):
    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        return 0.5 * x + timesteps.to(x.dtype).view(-1, 1, 1, 1) * 1e-3


def test_is_called_with_image_and_timesteps(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(Scaled()), tmp_path / "net.ts")
    prior = TorchScriptPrior(tmp_path / "net.ts", prediction_type="sample", trusted=True)
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(prior.predict_x0(x, 100), 0.5 * x + 0.1)


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        TorchScriptPrior(tmp_path / "nowhere.ts")
    torch.save({"weight": torch.ones(2)}, tmp_path / "state.pt")
    with pytest.raises(ValueError, match=r"state\.pt: not a TorchScript file"):
        TorchScriptPrior(tmp_path / "state.pt", trusted=True)


class Writing(nn.Module):
    """A network that writes a file as soon as it is run."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        torch.save(x, self.path)
        return x


def test_a_program_is_not_run_unless_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, written = tmp_path / "net.ts", tmp_path / "written"
    torch.jit.save(torch.jit.script(Writing(str(written))), network)
    for door in (TorchScriptPrior, open_prior, load_state):
        with pytest.raises((PermissionError, ValueError), match=r"net\.ts"):
            door(network)
    sources = [save_nifti(tmp_path / f"{name}.nii.gz", random_volume(9, 8, 3)[0].numpy()) for name in ("MR", "PET")]
    command = ["fuse", *map(str, sources), "-o", str(tmp_path / "out"), "--set", "weights", str(network), "-q"]
    assert main(command) == 1
    assert "TorchScript is a program, which can write files as it runs" in capsys.readouterr().err
    assert not written.exists()
    prior = open_prior(network, trust_torchscript=True)
    prior.predict_x0(torch.zeros(1, 1, 8, 8), 5)
    assert written.exists()  # it can indeed
