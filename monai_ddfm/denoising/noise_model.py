# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The noise of one source: its power spectrum, and how it grows with brightness and changes with place."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.antialias import autocorrelation, transfer
from monai_ddfm.blocks import on_one_thread
from monai_ddfm.foreground import BACKGROUND

__all__ = ["NoiseModel", "SmoothPlace", "white_noise"]

_DENSE = 96  # frequencies an axis, to integrate over
_RADII = 48  # numbers that describe a spectrum
_WINDOW = 5  # voxels of the local mean that tells brightness: single voxels are noisy themselves


@dataclass(frozen=True)
class SmoothPlace:
    """Logarithm of the relative standard deviation, a polynomial of second degree in world coordinates.

    Attributes:
        centre: x, y, z in mm (of pictures: column axis, row axis and 0, in pixels) where the polynomial is centred.
        extent: length in mm that the coordinates are divided by; beyond 1 they are held.
        terms: factors of 1, x, y, z, x², y², z², xy, xz, yz.
    """

    centre: tuple[float, float, float]
    extent: float
    terms: tuple[float, ...]

    def at(self, world: Tensor) -> Tensor:
        """Return the relative standard deviation at `world` ``[..., 3]``."""
        near = ((world - world.new_tensor(self.centre)) / self.extent).clamp(-1.0, 1.0)
        return torch.exp(self.basis(near) @ world.new_tensor(self.terms))

    @staticmethod
    def basis(place: Tensor) -> Tensor:
        """Return 1, x, y, z, x², y², z², xy, xz, yz ``[..., 10]`` of `place` ``[..., 3]``."""
        x, y, z = place.unbind(-1)
        return torch.stack((torch.ones_like(x), x, y, z, x * x, y * y, z * z, x * y, x * z, y * z), dim=-1)


@dataclass(frozen=True)
class NoiseModel:
    """Additive noise of one source: stationary noise of a radially symmetric power spectrum, times a local factor.

    Power is a density, in variance times mm²: the same noise, read on a grid of spacing (a, b), has the power
    density / (a b) at each frequency of the discrete Fourier transform; the mean of that is the variance of a voxel.

    Attributes:
        frequencies: in cycles per mm (per pixel where there is no voxel size), ascending from 0.
        power: spectral density at these frequencies, 0 or more, in squared units of the image times mm².
        spacing: of the grid it was measured on, rows then columns ``(H, W)`` in mm.
        gain: (brightness in the image's units, relative standard deviation) ascending, for noise that depends on the
            signal (counts, Rician); None where it is the same at every brightness.
        place: how it changes with place (parallel imaging, the middle of a body); None where it is the same everywhere.
        between_slices: correlation of the noise of neighbouring slices, 0 to 1.
        kind: in words a user reads: "none", "white", "smooth", ...
        warning: what made the measurement impossible or doubtful, in words; None where nothing did.
        alone: whether it was measured on one slice alone, where fine texture looks like noise.
        measured: whether it was told from the anatomy of a volume, and so holds the noise that good scans have too.
    """

    frequencies: tuple[float, ...]
    power: tuple[float, ...]
    spacing: tuple[float, float] = (1.0, 1.0)
    gain: tuple[tuple[float, float], ...] | None = None
    place: SmoothPlace | None = None
    between_slices: float = 0.0
    kind: str = "none"
    warning: str | None = None
    alone: bool = False
    measured: bool = False

    def __post_init__(self) -> None:
        if len(self.frequencies) != len(self.power) or not self.frequencies or self.frequencies[0] != 0.0:
            raise ValueError(
                f"a noise spectrum has one power for each frequency, from frequency 0 on; got {len(self.frequencies)} "
                f"frequencies from {self.frequencies[:1]} and {len(self.power)} powers"
            )
        if any(late <= early for early, late in itertools.pairwise(self.frequencies)) or min(self.power) < 0.0:
            raise ValueError("a noise spectrum has ascending frequencies and no negative power")

    @cached_property
    def std(self) -> float:
        """Standard deviation of a voxel, on the grid it was measured on, in the image's units."""
        return math.sqrt(float(self.spectrum((_DENSE, _DENSE), self.spacing).mean()))

    def spectrum(self, shape: Sequence[int], spacing: Sequence[float] | None = None) -> Tensor:
        """Power at each frequency of ``torch.fft.fft2``, ``[H, W]``; its mean is the variance of a voxel.

        Args:
            shape: (H, W) of the slice.
            spacing: (H, W) of its voxels in mm; None: the grid it was measured on. For a grid that the source was
                interpolated onto, ask the `resampled` model.
        """
        spacing = self.spacing if spacing is None else spacing
        height, width = shape
        rows, columns = np.fft.fftfreq(height, spacing[0]), np.fft.fftfreq(width, spacing[1])
        radius = np.hypot(rows[:, None], columns[None, :])
        power = np.interp(radius, self.frequencies, self.power) / (spacing[0] * spacing[1])
        return torch.from_numpy(power).to(torch.float32)

    def local(self, image: Tensor, place: Tensor | None = None) -> Tensor:
        """Relative standard deviation at each voxel, of mean square 1 over the foreground.

        Args:
            image: slices ``[..., H, W]`` in the units of `gain`; noisy ones are averaged over a small window.
            place: `place_map` of these slices, of a shape that broadcasts with `image`; None: the same everywhere.

        Returns:
            factors of the image's shape.
        """
        factor = torch.ones_like(image)
        if self.gain is not None:
            flat = image.reshape(-1, 1, *image.shape[-2:])
            mean = F.avg_pool2d(flat, _WINDOW, 1, _WINDOW // 2, count_include_pad=False).view_as(image)
            brightness, relative = zip(*self.gain, strict=True)
            table = np.interp(mean.detach().cpu().numpy(), brightness, relative)
            factor = torch.from_numpy(table).to(image)
        if place is not None:
            factor = factor * place.to(image)
        tissue = image > BACKGROUND
        square = (factor[tissue] if bool(tissue.any()) else factor).square()
        typical = on_one_thread(square.mean, square.device).sqrt()
        return factor / typical.clamp_min(1e-6)

    def place_map(self, shape: Sequence[int], affine: Tensor) -> Tensor | None:
        """`place` on a grid: relative standard deviations of `shape`, None where the noise is the same everywhere.

        Args:
            shape: of the volume in voxels, in the order that `affine` maps.
            affine: voxel to world ``[4, 4]``.
        """
        if self.place is None:
            return None
        axes = [torch.arange(size, dtype=torch.float64) for size in (*shape, *[1] * (3 - len(shape)))]
        voxels = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
        affine = affine.to(torch.float64)
        return self.place.at(voxels @ affine[:3, :3].T + affine[:3, 3]).to(torch.float32).reshape(tuple(shape))

    def scaled(self, factor: float, offset: float = 0.0) -> NoiseModel:
        """Return the model of ``factor * image + offset``."""
        power = tuple(value * factor**2 for value in self.power)
        gain = self.gain and tuple(sorted((factor * level + offset, relative) for level, relative in self.gain))
        return replace(self, power=power, gain=gain)

    def resampled(self, from_spacing: Sequence[float], to_spacing: Sequence[float]) -> NoiseModel:
        """Return what linear interpolation onto another grid makes of the noise, averaged over where voxels fall.

        Sampled noise has a periodic spectrum. Linear interpolation multiplies it by sinc⁴ along each axis, and
        the Gaussian before it, where the grid is coarser (`monai_ddfm.antialias`), by the square of its transfer
        function; reading the result on the new grid folds what is above its Nyquist frequency. Between slices both
        average as well.

        Args:
            from_spacing: of the source's voxels in mm, ``(H, W)`` or ``(D, H, W)``.
            to_spacing: of the grid that it is interpolated onto, in the same order.
        """
        old, new = tuple(map(float, from_spacing[-2:])), tuple(map(float, to_spacing[-2:]))
        if np.allclose(from_spacing, to_spacing, rtol=1e-3):
            return self
        rows, columns = (_interpolated_axis(before, after) for before, after in zip(old, new, strict=True))
        density = np.zeros((2 * _DENSE, 2 * _DENSE))
        for (row, row_gain), (column, column_gain) in itertools.product(rows, columns):
            before = np.interp(np.hypot(row[:, None], column[None, :]), self.frequencies, self.power)
            density += before * row_gain[:, None] * column_gain[None, :]
        if len(from_spacing) == len(to_spacing) == 3 and not math.isclose(from_spacing[0], to_spacing[0], rel_tol=1e-3):
            density = density * self._left_between_slices(to_spacing[0] / from_spacing[0])
        axes = [np.fft.fftfreq(2 * _DENSE, step) for step in new]
        radius = np.hypot(axes[0][:, None], axes[1][None, :])
        edges = np.linspace(0.0, radius.max(), _RADII)
        nearest = np.rint(radius / edges[1]).astype(int).ravel()
        count = np.bincount(nearest, minlength=_RADII)
        total = np.bincount(nearest, weights=density.ravel(), minlength=_RADII)
        power = np.interp(edges, edges[count > 0], total[count > 0] / count[count > 0])
        return replace(self, frequencies=tuple(edges.tolist()), power=tuple(power.tolist()), spacing=(new[0], new[1]))

    def _left_between_slices(self, step: float) -> float:
        """What interpolation between slices leaves of the variance; correlation is taken to fall as a Gaussian does."""
        weights = autocorrelation(step)
        correlation = self.between_slices ** (np.arange(len(weights)) ** 2.0)
        return float(weights[0] + 2.0 * (weights[1:] @ correlation[1:]))

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers, words, lists and dictionaries that `of_json` reads."""
        return asdict(self)

    @classmethod
    def of_json(cls, described: Mapping[str, Any]) -> NoiseModel:
        """Return the model that `as_json` described, also after a way through a file."""
        place = described.get("place")
        gain = described.get("gain")
        return cls(
            frequencies=tuple(described["frequencies"]),
            power=tuple(described["power"]),
            spacing=(float(described["spacing"][0]), float(described["spacing"][1])),
            gain=gain and tuple((float(level), float(relative)) for level, relative in gain),
            place=place and SmoothPlace(tuple(place["centre"]), float(place["extent"]), tuple(place["terms"])),
            between_slices=float(described.get("between_slices", 0.0)),
            kind=str(described.get("kind", "none")),
            warning=described.get("warning"),
            alone=bool(described.get("alone", False)),
            measured=bool(described.get("measured", False)),
        )


def _interpolated_axis(before: float, after: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which frequencies of samples `before` mm apart end at those of samples `after` mm apart, and their power there.

    Returns:
        one pair for each copy of the spectrum: frequencies, and what linear interpolation leaves of their power.
    """
    frequencies = np.fft.fftfreq(2 * _DENSE, after)
    if math.isclose(before, after, rel_tol=1e-3):
        return [(frequencies, np.ones_like(frequencies))]
    reach = math.ceil(after / before)
    copies = [frequencies + copy / after for copy in range(-reach, reach + 1)]
    return [
        (
            (copy + 0.5 / before) % (1.0 / before) - 0.5 / before,
            np.sinc(copy * before) ** 4 * transfer(after / before, copy * before) ** 2,
        )
        for copy in copies
    ]


def white_noise(std: float, spacing: Sequence[float] = (1.0, 1.0), kind: str | None = None) -> NoiseModel:
    """Return noise of one power at all frequencies; a standard deviation of 0 is no noise.

    Args:
        std: standard deviation of a voxel in the image's units.
        spacing: (H, W) of the voxels in mm.
        kind: in words; None: "white", or "none" for a standard deviation of 0.
    """
    rows, columns = (float(step) for step in spacing[-2:])
    density, corner = std**2 * rows * columns, math.hypot(0.5 / rows, 0.5 / columns)
    kind = kind or ("white" if std > 0.0 else "none")
    return NoiseModel((0.0, corner), (density, density), spacing=(rows, columns), kind=kind)
