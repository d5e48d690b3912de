# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Choosing the arithmetic of the network: bfloat16 where the hardware has it and it is accurate enough."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor

from monai_ddfm.inferers.fixed_batches import in_fixed_batches
from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.priors.predict_padded import predict_padded

__all__ = ["LEAST_PSNR", "PRECISIONS", "Arithmetic", "arithmetic", "has_bfloat16_units", "resolve_precision"]

PRECISIONS = ("auto", "float32", "bfloat16")
LEAST_PSNR = 45.0  # dB between x0 in bfloat16 and in float32, for a range of 2
_TEST_TIMESTEP = 100
_LARGEST = 64  # pixels of a side that the test asks for: kernels that go wrong did so on narrow slices
_SLICES = 8  # kernels are chosen by their number, too

Arithmetic = Callable[[Tensor], torch.dtype]
"""``slices [n, C, H, W] -> dtype`` that the network computes them in; asked when it is first needed."""


def has_bfloat16_units(device: torch.device) -> bool:
    """Return whether the device computes in bfloat16 faster than in float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return False


def _bfloat16_psnr(prior: DiffusionPrior, device: torch.device, height: int, width: int) -> float:
    """PSNR between the two arithmetics on fixed noisy slices of one size, smooth blobs."""
    blob = 2.0 * torch.exp(-(torch.linspace(-2.0, 2.0, height)[:, None] ** 2 + torch.linspace(-2.0, 2.0, width) ** 2))
    noise = torch.randn(_SLICES, prior.channels, height, width, generator=torch.Generator().manual_seed(0))
    t = min(_TEST_TIMESTEP, len(prior.alphas_cumprod) - 1)
    alpha = float(prior.alphas_cumprod[t])
    x_t = (alpha**0.5 * (blob - 1.0) + (1.0 - alpha) ** 0.5 * noise).to(device)
    exact, rounded = (
        in_fixed_batches(partial(predict_padded, prior, t=t, dtype=kind), x_t)
        for kind in (torch.float32, torch.bfloat16)
    )
    return float(10.0 * torch.log10(4.0 / (exact - rounded).square().mean().clamp_min(1e-12)))


def resolve_precision(
    precision: str, prior: DiffusionPrior, device: torch.device, height: int = _LARGEST, width: int = _LARGEST
) -> torch.dtype:
    """Return the dtype the network computes slices of a size in.

    ``auto`` asks what the hardware has and how accurate the network stays on slices of that size (of 64 pixels a side
    at most), never a clock: two machines of one kind, or two processes of one run, must not choose differently.

    Args:
        precision: one of `PRECISIONS`.
        prior: the network.
        device: where it computes.
        height: of the slices.
        width: of the slices.
    """
    if precision != "auto":
        return getattr(torch, precision)
    parameters = next(prior.parameters(), None)
    if parameters is None or parameters.dtype != torch.float32 or not has_bfloat16_units(device):
        return torch.float32
    return torch.bfloat16 if _bfloat16_psnr(prior, device, height, width) >= LEAST_PSNR else torch.float32


def arithmetic(precision: str, prior: DiffusionPrior, device: torch.device) -> Arithmetic:
    """Return what tells the network's arithmetic for slices, see `resolve_precision`; each size is tried once."""

    @cache
    def of_size(height: int, width: int) -> torch.dtype:
        return resolve_precision(precision, prior, device, height, width)

    return lambda slices: of_size(*(min(side, _LARGEST) for side in slices.shape[-2:]))
