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

"""A prior as TorchScript, for programs without Python."""

from __future__ import annotations

import torch

from monai_ddfm.priors.network import NetworkPrior

__all__ = ["trace_prior"]


def trace_prior(prior: NetworkPrior, size: int = 64) -> torch.jit.ScriptModule:
    """Trace ``forward(x, timesteps)`` of a prior; the result takes any batch and any size that the prior takes.

    Traced and not scripted: MONAI's `DiffusionModelUNet` cannot be scripted (the shapes in its attention blocks).

    Args:
        prior: the prior, with its weights.
        size: height and width of the image it is traced with, a multiple of ``prior.spatial_multiple``.

    Raises:
        ValueError: `size` is no such multiple.
    """
    if size % prior.spatial_multiple:
        raise ValueError(f"size must be a multiple of {prior.spatial_multiple}, got {size}")
    device = next((parameter.device for parameter in prior.parameters()), torch.device("cpu"))
    x = torch.zeros(2, prior.channels, size, size, device=device)
    timesteps = torch.tensor([0, 1], device=device)
    with torch.no_grad():
        return torch.jit.trace(prior.eval(), (x, timesteps))
