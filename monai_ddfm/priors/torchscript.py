# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A TorchScript network as prior."""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from monai_ddfm.priors.network import NetworkPrior

__all__ = ["TorchScriptPrior", "is_torchscript"]


def is_torchscript(path: Path) -> bool:
    """Whether a file is a TorchScript archive: a zip with a folder of code. Nothing in it is run."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any("/code/" in name or name.startswith("code/") for name in archive.namelist())
    except Exception:  # a damaged archive: whoever reads it says so
        return False


class TorchScriptPrior(NetworkPrior):
    """A network saved by `torch.jit.save`, called as ``network(x, timesteps)``.

    TorchScript is a program. It is read without Python's pickle, but as it is loaded and run it can write files
    (``torch.save``, ``torch.from_file``), so it is not opened unless its origin is trusted.

    Args:
        weights: the TorchScript file.
        trusted: whether its origin is trusted as a program's would have to be.
        channels: image channels, 1 or 3.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``.
        alphas_cumprod: ᾱ_t of the training schedule; linear by default.
        spatial_multiple: height and width must be multiples of this number.

    Raises:
        FileNotFoundError: no such file.
        PermissionError: not `trusted`; nothing of it was run.
        ValueError: not a TorchScript file.
    """

    def __init__(
        self,
        weights: str | Path,
        channels: int = 1,
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
        spatial_multiple: int = 8,
        trusted: bool = False,
    ) -> None:
        super().__init__(channels, prediction_type, alphas_cumprod, spatial_multiple)
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such TorchScript file")
        if not trusted:
            raise PermissionError(
                f"{path}: TorchScript is a program, which can write files as it runs; if you trust where it comes "
                "from, say so: --trust-torchscript, or trusted: true in network_def; else ask for safetensors weights"
            )
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"{path}: not a TorchScript file ({reason}); save one with torch.jit.save") from error

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the raw prediction for ``x`` ``[B, channels, H, W]`` at ``timesteps`` ``[B]``."""
        prediction: Tensor = self.network(x, timesteps)
        return prediction
