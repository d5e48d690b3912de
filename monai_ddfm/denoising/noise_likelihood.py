# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a noisy source says about the clean image: Gaussian noise of a power spectrum, times a local factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from monai_ddfm.fourier import irfft2, times_real

__all__ = ["NoiseLikelihood"]

_MARGIN = 24  # voxels that slices are lengthened by, reflected, so that the FFT does not wrap around
_MULTIPLE = 16  # of voxels, for which the FFT is fast
_VARIANCES = (0.25, 0.5, 1.0, 2.0, 4.0)  # relative local variances that are solved for; between them, interpolated


class NoiseLikelihood:
    """-log p(y | x) = |F((y - x) / g)|² / 2N up to a constant, of slices y = x + g n.

    n is stationary noise of power spectrum N, g its relative standard deviation at each voxel.

    Args:
        noisy: slices y ``[n, 1, H, W]``.
        spectrum: gives N at each frequency of ``torch.fft.fft2`` for a shape (H, W); its mean is the variance of n.
        local: g of the same shape as `noisy`; None: 1 everywhere.
    """

    def __init__(self, noisy: Tensor, spectrum: Callable[[Sequence[int]], Tensor], local: Tensor | None = None) -> None:
        height, width = (-(-(side + _MARGIN) // _MULTIPLE) * _MULTIPLE for side in noisy.shape[-2:])
        self.noisy, self.local, self.shape = noisy, local, (height, width)
        self.power = spectrum(self.shape)[:, : width // 2 + 1].to(noisy)

    def closest(self, x: Tensor, precision: float) -> Tensor:
        """Return argmin_z |F((y - z) / g)|² / N + precision |z - x|².

        z = x + g F⁻¹[F((y - x) / g) / (1 + precision g² N)], exact where g is constant, else with the g² of each voxel.

        Args:
            x: slices ``[n, 1, H, W]``.
            precision: μ, inverse variance that x is trusted with.
        """

        def kept(mu: float) -> Tensor:
            return 1.0 / (1.0 + mu * self.power)

        if self.local is None:
            return x + self._filtered(self.noisy - x, kept, precision)
        return x + self.local * self._filtered((self.noisy - x) / self.local, kept, precision)

    def spread(self, white: Tensor, precision: float) -> Tensor:
        """Return a draw of what `closest` leaves open: Gaussian of covariance (1/N + precision)⁻¹.

        Args:
            white: standard normal ``[n, 1, *self.shape]``.
            precision: as of `closest`.
        """

        def coloured(mu: float) -> Tensor:
            return (self.power / (1.0 + mu * self.power)).sqrt()

        drawn = self._filtered(white, coloured, precision)
        return drawn if self.local is None else self.local * drawn

    def _filtered(self, images: Tensor, response: Callable[[float], Tensor], precision: float) -> Tensor:
        """Filter images, each voxel by the response for the precision relative to its variance g²."""
        height, width = self.noisy.shape[-2:]
        transformed = torch.fft.rfft2(_lengthened(images, self.shape))
        if self.local is None:
            return irfft2(times_real(transformed, response(precision)), self.shape)[..., :height, :width]
        place = torch.log2(self.local.square() / _VARIANCES[0]).clamp(0.0, len(_VARIANCES) - 1.0)
        total = torch.zeros_like(self.noisy)
        for index, variance in enumerate(_VARIANCES):  # linear in between: weights of a hat function around each
            filtered = irfft2(times_real(transformed, response(precision * variance)), self.shape)
            total += filtered[..., :height, :width] * (1.0 - (place - index).abs()).clamp_min(0.0)
        return total


def _lengthened(images: Tensor, shape: tuple[int, int]) -> Tensor:
    """Lengthen the last two axes to `shape`: half of what is new reflects the end, the other half the beginning."""
    for axis, size in ((-2, shape[0]), (-1, shape[1])):
        old = images.shape[axis]
        position = torch.arange(size, device=images.device)
        after = (size - old + 1) // 2
        position = torch.where(position < old + after, position, position - size)  # from the beginning backwards
        images = images.index_select(axis, _reflected(position, old))
    return images


def _reflected(position: Tensor, size: int) -> Tensor:
    """Positions reflected into 0 to size - 1, to and fro, the ends repeated."""
    folded = position % (2 * size)
    return torch.minimum(folded, 2 * size - 1 - folded)
