# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Noise as scanners make it, to be added to clean volumes.

Four kinds are stationary, by their power spectrum: ``white``; ``interpolated``, of MR that was resampled or whose
k-space was filled with zeros; ``ct``, a ramp filter with apodisation; ``pet``, smoothed over 4.7 pixels. Three are not:
``rician``, the magnitude of a complex image whose noise is higher in the middle, as coils are further away; ``counts``,
Poisson noise smoothed by 5 mm in all directions; ``streaks``, white noise of photon-starved projections, filtered and
projected back. All are scaled to one standard deviation over the foreground.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["LOCAL", "STATIONARY", "NoisyVolume", "add_noise", "noise_power"]

STATIONARY = ("white", "interpolated", "ct", "pet")
FOREGROUND = -0.95
_FLOOR = 1e-4  # of the highest power: no filter leaves nothing
_COUNTS = 50.0  # photons in the brightest voxel
_FWHM = 5.0  # mm
_ANGLES = 90
_ATTENUATION = 0.02  # of tissue, per voxel: that of water at 1 mm


class NoisyVolume(NamedTuple):
    """A noisy volume ``[D, H, W]``, and the true standard deviation at each voxel where it is known."""

    noisy: Tensor
    local: Tensor | None


def noise_power(kind: str, height: int, width: int, std: float) -> Tensor:
    """Power of a stationary kind at each frequency of ``torch.fft.fft2``, ``[H, W]``; its mean is std squared."""
    radius = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.fftfreq(width)[None])
    shapes: dict[str, Callable[[Tensor], Tensor]] = {
        "white": torch.ones_like,
        "interpolated": lambda r: torch.exp(-((2 * math.pi * 0.7 * r) ** 2)) + _FLOOR,
        "ct": lambda r: r * torch.exp(-((r / 0.22) ** 2)) + _FLOOR,
        "pet": lambda r: torch.exp(-((2 * math.pi * 2.0 * r) ** 2)) + _FLOOR,
    }
    power = shapes[kind](radius)
    return power / power.mean() * std**2


def add_noise(clean: Tensor, kind: str, std: float, spacing: Sequence[float], seed: int) -> NoisyVolume:
    """Add noise to a volume ``[D, H, W]`` in [-1, 1]; what leaves that range is not cut off.

    Args:
        clean: the volume.
        kind: one of `STATIONARY` or `LOCAL`.
        std: root mean square of the noise over the foreground.
        spacing: (D, H, W) in mm.
        seed: of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    if kind in LOCAL:
        return LOCAL[kind](clean, std, spacing, generator)
    white = torch.randn(clean.shape, generator=generator)
    noise = torch.fft.ifft2(torch.fft.fft2(white) * noise_power(kind, *clean.shape[-2:], std).sqrt()).real
    return NoisyVolume(clean + noise, torch.full_like(clean, std))


def _to_level(noise: Tensor, clean: Tensor, std: float) -> Tensor:
    """What `noise` is to be multiplied by for that root mean square over the foreground of `clean`."""
    return std / noise[clean > FOREGROUND].square().mean().sqrt()


def _rician(clean: Tensor, std: float, _: Sequence[float], generator: torch.Generator) -> NoisyVolume:
    rows, columns = (torch.linspace(-1.0, 1.0, size) for size in clean.shape[-2:])
    local = (0.6 + 0.9 * torch.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / 0.5)).expand_as(clean)
    local = local * _to_level(local, clean, std)
    real, imaginary = (local * torch.randn(clean.shape, generator=generator) for _ in range(2))
    return NoisyVolume(torch.hypot(clean + 1.0 + real, imaginary) - 1.0, local)


def _counts(clean: Tensor, std: float, spacing: Sequence[float], generator: torch.Generator) -> NoisyVolume:
    rate = (clean.clamp(-1.0, 1.0) + 1.0) / 2.0 * _COUNTS
    noise = torch.poisson(rate, generator=generator) - rate
    for axis, step in enumerate(spacing):
        noise = _smoothed(noise, axis, _FWHM / step / math.sqrt(8.0 * math.log(2.0)))
    local = rate.sqrt()
    return NoisyVolume(
        clean + noise * _to_level(noise, clean, std),
        local * _to_level(local, clean, std),
    )


def _smoothed(volume: Tensor, axis: int, sigma: float) -> Tensor:
    frequency = torch.fft.fftfreq(volume.shape[axis]).reshape([-1 if a == axis else 1 for a in range(volume.ndim)])
    transfer = torch.exp(-2.0 * (math.pi * sigma * frequency) ** 2)
    return torch.fft.ifft(torch.fft.fft(volume, dim=axis) * transfer, dim=axis).real


def _streaks(clean: Tensor, std: float, _: Sequence[float], generator: torch.Generator) -> NoisyVolume:
    noise = torch.stack([_projected_noise(plane > FOREGROUND, generator) for plane in clean])
    return NoisyVolume(clean + noise * _to_level(noise, clean, std), None)


def _projected_noise(tissue: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of filtered back-projection through tissue ``[H, W]``: the rays that lose most photons are noisiest."""
    size = 2 * (math.ceil(math.hypot(*tissue.shape)) // 2)
    rows, columns = (size - tissue.shape[0]) // 2, (size - tissue.shape[1]) // 2
    padded = F.pad(tissue.float(), (columns, size - tissue.shape[1] - columns, rows, size - tissue.shape[0] - rows))
    angles = torch.arange(_ANGLES) * math.pi / _ANGLES
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros(_ANGLES)
    turn = torch.stack([torch.stack([cosine, -sine, zero], -1), torch.stack([sine, cosine, zero], -1)], 1)
    grid = F.affine_grid(turn, [_ANGLES, 1, size, size], align_corners=False)
    lengths = F.grid_sample(padded.expand(_ANGLES, 1, size, size), grid, align_corners=False).sum(2)  # [A, 1, size]
    noise = torch.randn(lengths.shape, generator=generator) * torch.exp(0.5 * _ATTENUATION * lengths)
    frequency = torch.fft.fftfreq(size).abs()
    filtered = torch.fft.ifft(torch.fft.fft(noise) * frequency * torch.exp(-((frequency / 0.35) ** 2))).real
    back = F.affine_grid(turn * torch.tensor([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]]), [_ANGLES, 1, size, size], False)
    smeared = F.grid_sample(filtered[:, :, None].expand(-1, -1, size, -1), back, align_corners=False).sum(0)[0]
    return smeared[rows : rows + tissue.shape[0], columns : columns + tissue.shape[1]]


LOCAL: dict[str, Callable[[Tensor, float, Sequence[float], torch.Generator], NoisyVolume]] = {
    "rician": _rician,
    "counts": _counts,
    "streaks": _streaks,
}
