# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The volumes of a report: quantised, compressed and, where a page would become too large, made coarser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import floor, log10
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import torch
import torch.nn.functional as F
from isal import igzip
from numpy.typing import NDArray

__all__ = ["BUDGET", "EncodedLayers", "Layer", "encode_layers"]

BUDGET = 12_000_000  # characters: with the viewer and the words a page stays under 15 MB
_STEPS = ((12, 1, 1), (12, 1, 2), (8, 1, 2), (8, 2, 2), (8, 3, 3), (8, 4, 4), (8, 6, 6), (8, 8, 8))
"""Bits; the side of a voxel, in those of the finest; the same of maps, which are smooth."""
_LEVEL = 2  # of 0 to 3: a few percent larger than by zlib, in a tenth of its time
_ROUNDING = 2e-3  # what scaling there and back leaves of whole numbers
_MOST_DECIMALS = 6
_SAMPLES = 8  # slices that are compressed to foretell how large a whole volume becomes


@dataclass(frozen=True)
class Layer:
    """A volume as it is shown.

    Attributes:
        name: of the source or map.
        title: what stands above it.
        kind: ``source``, ``fusion`` or ``map``.
        voxels: ``[X, Y, Z]`` in the layer's own unit.
        affine: ``[4, 4]``, voxels to mm.
        unit: of the values; empty where nobody knows it.
        window: values shown black and white (or first and last colour).
        colours: ``[256, 3]`` in 0..255 for a layer in colour; None for grey.
        bits: 12 are 4096 steps, as scanners have them; 8 are enough for what is looked at and not read off.
    """

    name: str
    title: str
    kind: str
    voxels: NDArray[np.float32]
    affine: NDArray[np.float64]
    unit: str = ""
    window: tuple[float, float] = (0.0, 1.0)
    colours: NDArray[np.uint8] | None = None
    bits: int = 12

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Sides of a voxel in mm."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    def coarser(self, multiple: int) -> Layer:
        """Return the layer on voxels whose sides are `multiple` of the finest one, each a mean of what it covers."""
        if multiple == 1:
            return self
        spacing = self.spacing
        factors = [
            min(max(1, round(multiple * spacing.min() / s)), n) for s, n in zip(spacing, self.voxels.shape, strict=True)
        ]
        pooled = F.avg_pool3d(torch.from_numpy(self.voxels)[None], factors, ceil_mode=True, count_include_pad=False)
        affine = self.affine @ np.diag([*map(float, factors), 1.0])
        affine[:3, 3] += self.affine[:3, :3] @ ((np.array(factors) - 1) / 2)
        return replace(self, voxels=pooled[0].numpy(), affine=affine)

    def quantised(self, bits: int) -> tuple[NDArray[Any], float, float]:
        """Return whole numbers and the (slope, intercept) that give the values back; exact where they are whole."""
        low, high = (float(value) for value in (self.voxels.min(), self.voxels.max()))
        if bits > 8 and -32768 <= low and high <= 32767:
            whole = np.round(self.voxels)
            if np.allclose(self.voxels, whole, rtol=0.0, atol=_ROUNDING):
                return whole.astype(np.int16), 1.0, 0.0
        slope = (high - low) / (2**bits - 1) or 1.0
        numbers = np.round((self.voxels - low) / slope)
        return numbers.astype(np.uint8 if bits <= 8 else np.int16), slope, low

    def decimals(self, bits: int) -> int:
        """Return how many digits after the point its values are good for."""
        return min(max(0, -floor(log10(self.quantised(min(bits, self.bits))[1]))), _MOST_DECIMALS)

    def encoded(self, bits: int) -> str:
        """Return a ``.nii.gz`` of it as base64."""
        numbers, slope, intercept = self.quantised(min(bits, self.bits))
        image = nib.Nifti1Image(numbers, self.affine)
        image.header.set_slope_inter(slope, intercept)
        image.header.set_xyzt_units("mm")
        return base64.b64encode(igzip.compress(image.to_bytes(), _LEVEL, mtime=0)).decode()

    def foretold_size(self, bits: int) -> float:
        """Return how many characters `encoded` will have, from a few slices."""
        depth = self.voxels.shape[-1]
        if depth <= _SAMPLES:
            return float(len(self.encoded(bits)))
        places = np.linspace(0, depth - 1, _SAMPLES).round().astype(int)
        return len(replace(self, voxels=self.voxels[..., places]).encoded(bits)) * depth / _SAMPLES


class EncodedLayers(NamedTuple):
    """Layers as they are shown.

    Attributes:
        layers: on the grid that they are shown on.
        texts: a ``.nii.gz`` of each as base64.
        bits: at most.
        given_up: what was, for size, in words; empty for nothing.
    """

    layers: list[Layer]
    texts: list[str]
    bits: int
    given_up: str


def encode_layers(layers: Sequence[Layer], budget: int = BUDGET) -> EncodedLayers:
    """Compress layers as finely as fits.

    Args:
        layers: on one grid.
        budget: characters that all may have together.
    """
    for step in _STEPS:
        bits, image_side, map_side = step
        shown = [layer.coarser(map_side if layer.kind == "map" else image_side) for layer in layers]
        last = step == _STEPS[-1]
        foretold = accumulate(layer.foretold_size(bits) for layer in shown)
        if not last and any(size > budget for size in foretold):  # no further than it takes to see that
            continue
        texts = [layer.encoded(bits) for layer in shown]
        if last or sum(map(len, texts)) <= budget:
            break
    return EncodedLayers(shown, texts, bits, _in_words(layers, shown, bits))


def _in_words(layers: Sequence[Layer], shown: Sequence[Layer], bits: int) -> str:
    words = []
    coarser = [
        f"{now.title} on {' x '.join(f'{side:.3g}' for side in now.spacing)} mm"
        for was, now in zip(layers, shown, strict=True)
        if now.voxels.shape != was.voxels.shape
    ]
    if coarser:
        words.append(f"views are coarser than the files ({', '.join(coarser)})")
    if bits == 8:
        steps = [f"{one.title} {10.0 ** -one.decimals(8):g} {one.unit}".strip() for one in shown if one.bits > 8]
        words.append(f"values are rounded, to steps of about {', '.join(steps)}")
    return f"So that this page stays small, {' and '.join(words)}. The files have everything." if words else ""
