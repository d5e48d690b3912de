# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A TorchScript network as prior."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from monai_ddfm.priors.network import NetworkPrior

__all__ = ["TorchScriptPrior"]


class TorchScriptPrior(NetworkPrior):
    """A network saved by `torch.jit.save`, called as ``network(x, timesteps)``.

    TorchScript is read without Python's pickle: it can compute with tensors, and nothing else.

    Args:
        weights: the TorchScript file.
        channels: image channels, 1 or 3.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``.
        alphas_cumprod: ᾱ_t of the training schedule; linear by default.
        spatial_multiple: height and width must be multiples of this number.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a TorchScript file.
    """

    def __init__(
        self,
        weights: str | Path,
        channels: int = 1,
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
        spatial_multiple: int = 8,
    ) -> None:
        super().__init__(channels, prediction_type, alphas_cumprod, spatial_multiple)
        path = Path(weights)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such TorchScript file")
        try:
            self.network = torch.jit.load(str(path), map_location="cpu").eval()
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"{path}: not a TorchScript file ({reason}); save one with torch.jit.save") from error

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the raw prediction for ``x`` ``[B, channels, H, W]`` at ``timesteps`` ``[B]``."""
        prediction: Tensor = self.network(x, timesteps)
        return prediction
