# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A network of a few thousand random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from monai.networks.nets import DiffusionModelUNet

from monai_ddfm.priors.prior_file import write_prior_file

__all__ = ["TINY", "tiny_unet", "write_tiny_prior"]

TINY: dict[str, Any] = {
    "spatial_dims": 2,
    "in_channels": 4,
    "out_channels": 4,
    "channels": [8, 8],
    "attention_levels": [False, False],
    "num_res_blocks": 1,
    "norm_num_groups": 4,
}


def tiny_unet(channels: int = 1, seed: int = 0) -> DiffusionModelUNet:
    """A U-Net of a few thousand random weights; MONAI's own initial weights answer zero to everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DiffusionModelUNet(**{**TINY, "in_channels": 4 * channels, "out_channels": 4 * channels})
        torch.nn.init.normal_(network.out[-1].conv.weight, std=0.1)
    return network.eval()


def write_tiny_prior(path: Path, seed: int = 0) -> Path:
    """Write that network as a weights file that says itself what it is."""
    header = {"kind": "monai", "architecture": TINY, "channels": "1", "unshuffle": "2", "prediction_type": "epsilon"}
    write_prior_file(path, tiny_unet(seed=seed).state_dict(), header)
    return path
