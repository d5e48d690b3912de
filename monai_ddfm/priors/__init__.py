# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a plausible image looks like: one small interface, one file per kind of network."""

from __future__ import annotations

from monai_ddfm.priors.base import DiffusionPrior, linear_alphas_cumprod
from monai_ddfm.priors.convert import convert_prior, open_prior
from monai_ddfm.priors.diffusers_unet import DiffusersPrior
from monai_ddfm.priors.guided_diffusion import GuidedDiffusionPrior
from monai_ddfm.priors.identity import IdentityPrior
from monai_ddfm.priors.load import load_state, load_weights
from monai_ddfm.priors.network import NetworkPrior, x0_from_prediction
from monai_ddfm.priors.torchscript import TorchScriptPrior
from monai_ddfm.priors.unet import UNetPrior

__all__ = [
    "DiffusersPrior",
    "DiffusionPrior",
    "GuidedDiffusionPrior",
    "IdentityPrior",
    "NetworkPrior",
    "TorchScriptPrior",
    "UNetPrior",
    "convert_prior",
    "linear_alphas_cumprod",
    "load_state",
    "load_weights",
    "open_prior",
    "x0_from_prediction",
]
