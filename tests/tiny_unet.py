# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A network of a few thousand random weights."""

from __future__ import annotations

import torch
from monai.networks.nets import DiffusionModelUNet

__all__ = ["tiny_unet"]


def tiny_unet(channels: int = 1, seed: int = 0) -> DiffusionModelUNet:
    """A U-Net of a few thousand random weights; MONAI's own initial weights answer zero to everything."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=4 * channels,
            out_channels=4 * channels,
            channels=(8, 8),
            attention_levels=(False, False),
            num_res_blocks=1,
            norm_num_groups=4,
        )
        torch.nn.init.normal_(network.out[-1].conv.weight, std=0.1)
    return network.eval()
