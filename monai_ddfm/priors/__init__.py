# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
