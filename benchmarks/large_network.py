# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The network of OpenAI's 256x256_diffusion_uncond.pt, 553 million parameters, for timings: its weights are random."""

from __future__ import annotations

import torch

from monai_ddfm.priors.diffusers_unet import UNet2DPrior, build_unet
from monai_ddfm.priors.guided_diffusion_weights import COMMON_ARCHITECTURE

__all__ = ["large_prior"]

_ARCHITECTURE = {
    **COMMON_ARCHITECTURE,
    "in_channels": 3,
    "out_channels": 6,
    "block_out_channels": [256, 256, 512, 512, 1024, 1024],
    "layers_per_block": 2,
    "down_block_types": ["ResnetDownsampleBlock2D"] * 3 + ["AttnDownBlock2D"] * 3,
    "up_block_types": ["AttnUpBlock2D"] * 3 + ["ResnetUpsampleBlock2D"] * 3,
    "attention_head_dim": 64,
}


def large_prior(device: torch.device, seed: int = 0) -> UNet2DPrior:
    """Return it as `GuidedDiffusionPrior` builds it; the speed is that of the real weights."""
    torch.manual_seed(seed)
    return UNet2DPrior(build_unet(_ARCHITECTURE), _ARCHITECTURE).to(device).eval()
