# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

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
