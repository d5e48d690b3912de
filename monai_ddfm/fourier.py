# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The Fourier transform of real images, with an inverse and products that always round alike on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["irfft2", "times_real"]


def irfft2(spectrum: Tensor, shape: Sequence[int]) -> Tensor:
    """Return the real images of a spectrum, as `torch.fft.irfft2`, each to the bit what it is beside any others.

    MKL's transform from complex to real numbers rounds by how many images there are and how many threads share them;
    its transforms between complex numbers do not, and two of those are taken.

    Args:
        spectrum: of `torch.fft.rfft2`, ``[..., H, W // 2 + 1]``.
        shape: (H, W).
    """
    height, width = shape
    columns = torch.fft.ifft(spectrum, n=height, dim=-2)
    counted = columns.real.new_full((width // 2 + 1,), 2.0)  # a column stands for its mirror image as well
    counted[0] = 1.0
    if width % 2 == 0:
        counted[-1] = 1.0
    return torch.fft.ifft(times_real(columns, counted), n=width).real


def times_real(spectrum: Tensor, gain: Tensor) -> Tensor:
    """Return the product with real numbers; torch's of complex ones rounds the last few of a thread otherwise."""
    return torch.view_as_complex(torch.view_as_real(spectrum) * gain[..., None])
