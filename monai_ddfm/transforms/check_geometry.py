# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources that do not lie in the same place are refused before they are resampled onto each other."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import WITHOUT_PLACE, file_of

__all__ = ["SPACING_RANGE", "CheckGeometry", "CheckGeometryD", "CheckGeometryDict", "CheckGeometryd", "overlap_with"]

SPACING_RANGE = (0.01, 50.0)
"""Voxel sizes in mm that are believed."""
_POINTS_PER_AXIS = 24
_SMALL_OVERLAP = 0.5  # below this share of the anchor, a fusion is possible but hardly what was meant


def _affine_of(img: torch.Tensor) -> np.ndarray:
    return img.affine.detach().cpu().double().numpy() if isinstance(img, MetaTensor) else np.eye(4)


def overlap_with(anchor: torch.Tensor, source: torch.Tensor) -> float:
    """Return the share of the anchor's field of view ``[C, H, W, D]`` that lies within the source's, 0 to 1."""
    axes = [np.linspace(-0.5, size - 0.5, _POINTS_PER_AXIS) for size in anchor.shape[1:]]
    points = np.stack([*np.meshgrid(*axes, indexing="ij"), np.ones([_POINTS_PER_AXIS] * len(axes))]).reshape(4, -1)
    indices = (np.linalg.inv(_affine_of(source)) @ _affine_of(anchor) @ points)[:3].T
    inside = (indices >= -0.51) & (indices <= np.array(source.shape[1:]) - 0.49)
    return float(inside.all(axis=1).mean())


def _check_pictures(img: torch.Tensor, anchor: torch.Tensor, what: str) -> None:
    """Refuse to compare what has no place in space, unless both are of one size: pixel by pixel then."""
    placeless = [isinstance(one, MetaTensor) and bool(one.meta.get(WITHOUT_PLACE)) for one in (img, anchor)]
    if any(placeless) and img.shape[1:] != anchor.shape[1:]:
        sizes = [" x ".join(map(str, one.shape[1:])) for one in (img, anchor)]
        raise ValueError(
            f"{what}: {sizes[0]} pixels, but {file_of(anchor, 'the anchor')} has {sizes[1]}; pictures do not say where "
            "they lie, so they must be of one size: register them and export both on one grid"
        )
    if any(placeless) and not all(placeless):
        raise ValueError(
            f"{what} and {file_of(anchor, 'the anchor')}: one is a picture, which does not say where it lies, the "
            "other a volume; fuse pictures with pictures, and volumes with volumes"
        )


class CheckGeometry(ArgumentRepr, Transform):
    """Require a usable affine, and an overlap in space with the anchor.

    Args:
        min_overlap: smallest share of the anchor's field of view that a source must cover; below one half it warns.
        spacing_range: voxel sizes in mm that are believed.
    """

    def __init__(self, min_overlap: float = 0.05, spacing_range: tuple[float, float] = SPACING_RANGE) -> None:
        self.min_overlap = min_overlap
        self.spacing_range = spacing_range

    def __call__(self, img: torch.Tensor, anchor: torch.Tensor | None = None, name: str = "image") -> torch.Tensor:
        """Check ``[C, H, W, D]`` alone and, if given, against `anchor`; returns it unchanged.

        Raises:
            ValueError: an affine that is not finite, not invertible or of absurd voxel size, too little overlap, or
                pictures of different size.
        """
        affine, what = _affine_of(img), file_of(img, name)
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        low, high = self.spacing_range
        sane = np.isfinite(affine).all() and (spacing >= low).all() and (spacing <= high).all()
        if not sane or abs(np.linalg.det(affine[:3, :3])) < 1e-3 * float(np.prod(spacing)):
            raise ValueError(
                f"{what}: the affine {np.round(affine[:3], 4).tolist()} gives voxels of "
                f"{np.round(spacing, 4).tolist()} mm, or axes that fall together; expected an invertible affine in mm "
                "(check sform and qform)"
            )
        if anchor is None:
            return img
        _check_pictures(img, anchor, what)
        overlap = overlap_with(anchor, img)
        if overlap < self.min_overlap:
            raise ValueError(
                f"{what}: covers {overlap:.1%} of the field of view of {file_of(anchor, 'the anchor')}, at least "
                f"{self.min_overlap:.0%} expected; register it to the anchor first, and keep both in one space"
            )
        if overlap < _SMALL_OVERLAP:
            warnings.warn(f"{what}: covers only {overlap:.0%} of {file_of(anchor, 'the anchor')}", stacklevel=2)
        return img


class CheckGeometryd(ArgumentRepr, MapTransform):
    """Dictionary version of `CheckGeometry`: every key against the first, the anchor.

    Args:
        keys: the images; the first one that a case has is the anchor.
        min_overlap, spacing_range: see `CheckGeometry`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        min_overlap: float = 0.05,
        spacing_range: tuple[float, float] = SPACING_RANGE,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.check = CheckGeometry(min_overlap, spacing_range)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check every key's image; the data is returned unchanged."""
        checked = dict(data)
        present = list(self.key_iterator(checked))
        for key in present:
            self.check(checked[key], None if key == present[0] else checked[present[0]], name=str(key))
        return checked


CheckGeometryD = CheckGeometryDict = CheckGeometryd
