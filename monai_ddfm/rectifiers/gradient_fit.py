# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The image closest to another image and to a wanted gradient field, by FFT (paper's eq. 25)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["fit_to_gradients"]


def _difference_transfer(size: int, frequencies: Tensor) -> Tensor:
    """Fourier transform of the circular forward difference x[n + 1] - x[n]."""
    phase = 2.0 * math.pi * frequencies / size
    return torch.complex(torch.cos(phase) - 1.0, torch.sin(phase))


def fit_to_gradients(image: Tensor, gradients: Tensor) -> Tensor:
    """Return argmin_k |k - image|² + Σ_d |∇_d k - gradients_d|², with circular boundaries.

    k = F⁻¹[(F image + Σ_d conj(F∇_d) F gradients_d) / (1 + Σ_d |F∇_d|²)], eq. 25 of DDFM (arXiv 2303.06840).

    Args:
        image: ``[B, 1, H, W]``.
        gradients: wanted forward differences along H and W, ``[B, 2, H, W]``.
    """
    height, width = image.shape[-2:]
    rows = _difference_transfer(height, torch.arange(height, device=image.device, dtype=image.dtype))[:, None]
    columns = _difference_transfer(width, torch.arange(width // 2 + 1, device=image.device, dtype=image.dtype))
    spectrum = torch.fft.rfft2(torch.cat([image, gradients], dim=1))
    numerator = spectrum[:, 0:1] + rows.conj() * spectrum[:, 1:2] + columns.conj() * spectrum[:, 2:3]
    denominator = 1.0 + rows.abs().square() + columns.abs().square()
    fitted = numerator / denominator
    several = fitted if len(fitted) > 1 else fitted.repeat(2, 1, 1, 1)  # MKL rounds a lone image otherwise than others
    return torch.fft.irfft2(several, s=(height, width))[: len(fitted)]
