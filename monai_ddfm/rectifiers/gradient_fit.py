# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The image closest to another image and to a wanted gradient field, by FFT (paper's eq. 25)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from monai_ddfm.fourier import irfft2

__all__ = ["fit_to_gradients"]


def _difference_transfer(size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the Fourier transform of the circular forward difference x[n + 1] - x[n]."""
    phase = torch.arange(size, device=like.device, dtype=like.dtype) * (2.0 * math.pi / size)
    return torch.cos(phase) - 1.0, torch.sin(phase)


def fit_to_gradients(image: Tensor, gradients: Tensor) -> Tensor:
    """Return argmin_k |k - image|² + Σ_d |∇_d k - gradients_d|², with circular boundaries.

    k = F⁻¹[(F image + Σ_d conj(F∇_d) F gradients_d) / (1 + Σ_d |F∇_d|²)], eq. 25 of DDFM (arXiv 2303.06840).

    Args:
        image: ``[B, 1, H, W]``.
        gradients: wanted forward differences along H and W, ``[B, 2, H, W]``.
    """
    height, width = image.shape[-2:]
    rows, columns = (_difference_transfer(size, image) for size in (height, width))
    transfers = [part[:, None] for part in rows], [part[: width // 2 + 1] for part in columns]
    spectra = torch.fft.rfft2(torch.cat([image, gradients], dim=1))
    real, imaginary = spectra.real[:, 0:1], spectra.imag[:, 0:1]
    denominator: Tensor | float = 1.0
    for axis, (cosine, sine) in enumerate(transfers, start=1):
        part = spectra[:, axis : axis + 1]
        real = real + cosine * part.real + sine * part.imag
        imaginary = imaginary + cosine * part.imag - sine * part.real
        denominator = denominator + cosine.square() + sine.square()
    return irfft2(torch.complex(real / denominator, imaginary / denominator), (height, width))
