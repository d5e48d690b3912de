# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The shipped kind of prior: MONAI's diffusion U-Net on pixel-unshuffled images."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from monai_ddfm.priors.load import load_weights
from monai_ddfm.priors.network import NetworkPrior

__all__ = ["UNetPrior"]


class UNetPrior(NetworkPrior):
    """A MONAI `DiffusionModelUNet` as prior.

    The image is pixel-unshuffled by `unshuffle` at the input (four half-size channels for 2) and shuffled back at the
    output: a quarter of the work for little loss.

    Args:
        network: `monai.networks.nets.DiffusionModelUNet` with ``channels * unshuffle ** 2`` input and output channels.
        weights: checkpoint of `network`, safetensors or a ``weights_only`` torch file; None keeps its initial weights.
        channels: image channels, 1 or 3.
        unshuffle: pixel-unshuffle factor, 1 for none.
        prediction_type: ``epsilon``, ``v_prediction`` or ``sample``.
        alphas_cumprod: ᾱ_t of the training schedule; linear by default.
        compile_mode: a mode of `torch.compile`, e.g. ``default``, or ``reduce-overhead`` for CUDA graphs; None runs the
            network as it is, which is as fast on a CPU.

    Raises:
        FileNotFoundError, ValueError: `weights` is missing, corrupt or of another architecture.
    """

    def __init__(
        self,
        network: nn.Module,
        weights: str | Path | None = None,
        channels: int = 1,
        unshuffle: int = 2,
        prediction_type: str = "epsilon",
        alphas_cumprod: Tensor | None = None,
        compile_mode: str | None = None,
    ) -> None:
        levels = len(getattr(network, "down_blocks", [None]))
        super().__init__(channels, prediction_type, alphas_cumprod, spatial_multiple=unshuffle * 2 ** (levels - 1))
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # convolutions run twice as fast in it
        self.unshuffle = unshuffle
        if weights is not None:
            load_weights(network, weights)
        if compile_mode is not None:
            network.compile(mode=compile_mode)

    @property
    def is_untrained(self) -> bool:
        """Whether the network's last layer is zero, as MONAI begins it: it then answers zero to everything."""
        last = list(self.network.parameters())[-2:]  # weight and bias
        return bool(last) and not any(bool(parameter.any()) for parameter in last)

    def forward(self, x: Tensor, timesteps: Tensor) -> Tensor:
        """Return the raw prediction ``[B, channels, H, W]`` for ``x`` of that shape and ``timesteps`` ``[B]``."""
        folded = F.pixel_unshuffle(x, self.unshuffle).contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(self.network(folded, timesteps=timesteps), self.unshuffle)
