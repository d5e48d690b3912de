# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""All sources on the anchor's grid."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, SpatialResample, Transform

from monai_ddfm.antialias import antialiased, steps_between
from monai_ddfm.denoising.noise_meta import noise_of, resampled_noise, write_noise
from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["MatchGrids", "MatchGridsD", "MatchGridsDict", "MatchGridsd", "same_grid"]

_VOXELS_AT_ONCE = 1 << 21


def same_grid(img: MetaTensor, other: MetaTensor) -> bool:
    """Return whether two images ``[C, H, W, D]`` have their voxels at the same places, to a thousandth of a mm."""
    same_affine = torch.allclose(img.affine.double(), other.affine.double(), atol=1e-3, rtol=1e-5)
    return img.shape[1:] == other.shape[1:] and same_affine


class MatchGrids(ArgumentRepr, Transform):
    """Resample an image onto the grid of another, by world coordinates.

    Beyond the image's field of view its smallest value is taken: air in CT, no uptake in PET. An image that is on the
    grid already is returned as it is. Along axes where the grid is coarser the image is smoothed first, to what such
    voxels average (`monai_ddfm.antialias`), but for ``nearest`` and 0.

    Args:
        mode: interpolation of `monai.transforms.SpatialResample`: ``bilinear`` (trilinear in 3-D) or ``nearest``, or a
            spline order from 0 to 5.
    """

    _padding, _padding_of_splines = "zeros", "constant"

    def __init__(self, mode: str | int = "bilinear") -> None:
        self.mode = mode
        padding = self._padding if isinstance(mode, str) else self._padding_of_splines
        self.resample = SpatialResample(mode=mode, padding_mode=padding)

    def __call__(self, img: MetaTensor, anchor: MetaTensor) -> MetaTensor:  # type: ignore[override]
        """Return ``img`` ``[C, H, W, D]`` on `anchor`'s grid, with the anchor's affine and its own other meta."""
        if same_grid(img, anchor):
            return img
        lowest = img.min()
        matched = MetaTensor(self._resampled((img - lowest).as_subclass(torch.Tensor), img.affine, anchor).add_(lowest))
        matched.meta = {**img.meta, "spatial_shape": matched.shape[1:]}
        matched.affine = anchor.affine
        noise = noise_of(img)
        if noise is not None:
            write_noise(matched, resampled_noise(noise, img.affine, anchor.affine))
        return matched

    def _resampled(self, img: torch.Tensor, affine: torch.Tensor, anchor: MetaTensor) -> torch.Tensor:
        """The image on the anchor's grid, in parts: the coordinates of all voxels take 24 times the image's memory."""
        if self.mode not in ("nearest", 0):
            img = antialiased(img, steps_between(affine, anchor.affine))
        parts, exact = [], MetaTensor(img.double(), affine=affine)  # once, and not for each part
        size = list(anchor.shape[1:])
        rows = max(1, _VOXELS_AT_ONCE // math.prod(size[1:])) if isinstance(self.mode, str) else size[0]
        for first in range(0, size[0], rows):
            placed = anchor.affine.double().clone()
            placed[:3, 3] += first * placed[:3, 0]
            part = [min(rows, size[0] - first), *size[1:]]
            parts.append(self.resample(exact, dst_affine=placed, spatial_size=part).as_subclass(torch.Tensor))
        return torch.cat(parts, dim=1)


class MatchGridsd(ArgumentRepr, MapTransform):
    """Dictionary version of `MatchGrids`: every key onto the grid of the first, the anchor.

    Args:
        keys: the images; the first one that a case has is the anchor.
        mode: see `MatchGrids`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(self, keys: KeysCollection, mode: str | int = "bilinear", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.match = MatchGrids(mode)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample every key's image but the anchor's."""
        matched = dict(data)
        present = list(self.key_iterator(matched))
        for key in present[1:]:
            matched[key] = self.match(matched[key], matched[present[0]])
        return matched


MatchGridsD = MatchGridsDict = MatchGridsd
