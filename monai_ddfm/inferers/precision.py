# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Choosing the arithmetic of the network: bfloat16 where the hardware has it and it is accurate enough."""

from __future__ import annotations

import torch

from monai_ddfm.priors import DiffusionPrior

__all__ = ["LEAST_PSNR", "PRECISIONS", "resolve_precision"]

PRECISIONS = ("auto", "float32", "bfloat16")
LEAST_PSNR = 45.0  # dB between x0 in bfloat16 and in float32, for a range of 2
_TEST_TIMESTEP, _TEST_SIZE = 100, 64


def _has_bfloat16_units(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return False


def _bfloat16_psnr(prior: DiffusionPrior, device: torch.device) -> float:
    """PSNR between the two arithmetics on one fixed noisy picture, a smooth blob."""
    size = -(-_TEST_SIZE // prior.spatial_multiple) * prior.spatial_multiple
    axis = torch.linspace(-2.0, 2.0, size)
    blob = 2.0 * torch.exp(-(axis[:, None] ** 2 + axis**2)) - 1.0
    noise = torch.randn(prior.channels, size, size, generator=torch.Generator().manual_seed(0))
    t = min(_TEST_TIMESTEP, len(prior.alphas_cumprod) - 1)
    alpha = float(prior.alphas_cumprod[t])
    x_t = (alpha**0.5 * blob + (1.0 - alpha) ** 0.5 * noise)[None].to(device)
    exact = prior.predict_x0(x_t, t)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        rounded = prior.predict_x0(x_t, t)
    return float(10.0 * torch.log10(4.0 / (exact - rounded).square().mean().clamp_min(1e-12)))


def resolve_precision(precision: str, prior: DiffusionPrior, device: torch.device) -> torch.dtype:
    """Return the dtype the network computes in.

    ``auto`` asks what the hardware has and how accurate the network stays, never a clock: two machines of one kind, or
    two processes of one run, must not choose differently.
    """
    if precision != "auto":
        return getattr(torch, precision)
    parameters = next(prior.parameters(), None)
    if parameters is None or parameters.dtype != torch.float32 or not _has_bfloat16_units(device):
        return torch.float32
    return torch.bfloat16 if _bfloat16_psnr(prior, device) >= LEAST_PSNR else torch.float32
