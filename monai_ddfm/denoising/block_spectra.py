# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Power spectra of small blocks, in rings of equal frequency, and what the block's window does to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from monai_ddfm.blocks import on_one_thread

__all__ = ["BlockSpectra", "block_spectra"]

_WAVES = 24  # plane waves an axis, by which the window's effect is known
_BLOCKS_OF_NOISE = 4000  # by which the quantiles of white noise are known
_ITERATIONS = 20  # more of them sharpen noise
_DEEPEST = 4.0  # times less power than at a higher frequency
_DYNAMIC = 1e-4  # of a spectrum: less is nothing


@dataclass(frozen=True)
class BlockSpectra:
    """Windowed periodograms of blocks of `size` x `size` voxels, averaged in rings.

    Attributes:
        size: voxels.
        aspect: spacing of the rows over spacing of the columns.
    """

    size: int
    aspect: float = 1.0

    @cached_property
    def rings(self) -> Tensor:
        """Ring of each frequency of the block's Fourier transform, ``[size, size]``; 0 is its mean."""
        return self._ring(torch.fft.fftfreq(self.size)[:, None], torch.fft.fftfreq(self.size)[None]).round().long()

    @cached_property
    def radii(self) -> Tensor:
        """Frequencies of the rings in cycles per pixel of the geometric mean of both spacings, ``[R]``."""
        return torch.arange(int(self.rings.max()) + 1) / self.size

    @cached_property
    def weights(self) -> Tensor:
        """Share of all frequencies that each ring holds, ``[R]``; the mean of a spectrum is their product."""
        return torch.bincount(self.rings.flatten(), minlength=len(self.radii)) / self.size**2

    @cached_property
    def _ring_means(self) -> Tensor:
        """Of the frequencies in each ring, ``[size * size, R]``: each column the weights of a mean."""
        return self._means(torch.ones(self.size))

    @cached_property
    def _half_ring_means(self) -> Tensor:
        """The same for the half of the plane that a real block's transform is known by; the other half mirrors it."""
        counts = torch.full((self.size // 2 + 1,), 2.0)
        counts[0] = counts[-1] = 1.0  # mirrored into themselves
        return self._means(counts)

    def _means(self, counts: Tensor) -> Tensor:
        """Weights of the frequencies of the first columns in each ring, each column counted so often."""
        members = torch.nn.functional.one_hot(self.rings[:, : len(counts)], len(self.radii)) * counts[:, None]
        return (members / members.sum((0, 1))).flatten(0, 1)

    @property
    def transfer(self) -> Tensor:
        """Power in each ring but the block's mean that unit power at each of `radii` leaves, ``[R - 1, R]``."""
        return _transfer(self.size, self.aspect)[1:]

    def power(self, blocks: Tensor) -> Tensor:
        """Mean power in each ring, ``[N, R]``, of blocks ``[N, size, size]``; white noise gives its variance.

        Complex blocks are plane waves.
        """
        if not len(blocks):  # which not every Fourier transform takes
            return torch.zeros(0, len(self.radii), device=blocks.device)
        window = torch.hann_window(self.size, dtype=torch.float32, device=blocks.device)
        window = torch.outer(window, window)
        window = window / window.square().mean().sqrt()
        level = (blocks * window).sum((-1, -2), keepdim=True) / window.sum()
        waves = blocks.is_complex()
        transformed = (torch.fft.fft2 if waves else torch.fft.rfft2)((blocks - level) * window)
        power = (transformed.real.square() + transformed.imag.square()).flatten(-2) / self.size**2
        means = self._ring_means if waves else self._half_ring_means
        means = means.to(power)  # adding by index would round otherwise each time on a GPU
        return on_one_thread(lambda: power @ means, power.device)

    def quantile_bias(self, quantile: float) -> Tensor:
        """The quantile over blocks of white noise of variance 1, ``[R]``."""
        return _quantile_bias(self.size, self.aspect, quantile)

    def unsmeared(self, power: Tensor) -> Tensor:
        """Return the spectrum that the window smeared into `power` ``[R]``, at `radii`.

        A window widens peaks, and what is taken off as the block's mean is missed at the lowest frequencies. Both are
        undone by the iteration of Richardson (1972) and Lucy (1974), which keeps power positive. The block's mean and
        one wave a block, where anatomy is strongest and least is measured, are no more than the rings above let
        expect: a Gaussian where the spectrum falls, a power of the frequency (CT's ramp) where it rises. Where anatomy
        left next to nothing below a peak, there is a quarter of the peak: no scanner's noise has such holes.
        """
        transfer = self.transfer  # the block's mean was taken off
        measured = power[1:].clamp_min(1e-12 * float(power.max()) + 1e-30)
        spectrum = torch.cat([measured[:1], measured])
        for _ in range(_ITERATIONS):
            spectrum = spectrum * (transfer.T @ (measured / (transfer @ spectrum))) / transfer.sum(0)
        logs = spectrum.clamp_min(_DYNAMIC * float(spectrum[2:].max()) + 1e-30).log()
        logs[3:-1] = 0.2 * logs[2:-2] + 0.6 * logs[3:-1] + 0.2 * logs[4:]
        logs[-2:] = torch.minimum(logs[-2:], logs[-3])  # the corner: next to no frequencies are there
        logs[:2] = torch.minimum(logs[:2], self._below(logs[2], logs[4]))
        return _without_holes(logs.exp())

    def _below(self, second: Tensor, fourth: Tensor) -> Tensor:
        """Logarithm of the power in the rings 0 and 1, expected from that in the rings 2 and 4."""
        if fourth > second:
            return (2.0 * second - fourth).expand(2)
        square = torch.tensor([0.0, 1.0])
        return second + (second - fourth) * (4.0 - square) / 12.0

    def _ring(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Radius in rings of frequencies in cycles per pixel of each axis."""
        return self.size * torch.sqrt(rows.square() / self.aspect + columns.square() * self.aspect)


@lru_cache(maxsize=16)
def block_spectra(size: int, aspect: float = 1.0) -> BlockSpectra:
    """Return the spectra of blocks of that size, made once."""
    return BlockSpectra(size, aspect)


def _without_holes(spectrum: Tensor) -> Tensor:
    """Fill the spectrum ``[R]`` to a quarter of the highest power at or above each frequency."""
    return torch.maximum(spectrum, spectrum.flip(0).cummax(0).values.flip(0) / _DEEPEST)


@lru_cache(maxsize=16)
def _quantile_bias(size: int, aspect: float, quantile: float) -> Tensor:
    noise = torch.randn(_BLOCKS_OF_NOISE, size, size, generator=torch.Generator().manual_seed(0))
    return block_spectra(size, aspect).power(noise).quantile(quantile, dim=0)


@lru_cache(maxsize=16)
def _transfer(size: int, aspect: float) -> Tensor:
    """Power in each ring that noise of unit power in each other ring leaves there, ``[R, R]``, by plane waves."""
    spectra = block_spectra(size, aspect)
    axis = (torch.arange(_WAVES) + 0.5) / (2 * _WAVES)  # a quarter of the plane is enough
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    place = torch.arange(size, dtype=torch.float32)
    row_waves = torch.exp(2j * torch.pi * rows.flatten()[:, None] * place)
    column_waves = torch.exp(2j * torch.pi * columns.flatten()[:, None] * place)
    answered = spectra.power(row_waves[:, :, None] * column_waves[:, None, :]) / _WAVES**2
    at = spectra._ring(rows, columns).flatten()[:, None].clamp(max=len(spectra.radii) - 1)
    share = (1.0 - (at - torch.arange(len(spectra.radii))).abs()).clamp_min(0.0)  # between two rings: linear
    return on_one_thread(lambda: answered.T @ share, share.device)
