# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""To [-1, 1] by the window that another image was normalised with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.match_grids import same_grid
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE
from monai_ddfm.transforms.restore_intensity import range_with

__all__ = ["NormalizeLike", "NormalizeLikeD", "NormalizeLikeDict", "NormalizeLiked"]


class NormalizeLike(ArgumentRepr, Transform):
    """Undo `RestoreIntensity`: a fused image in the anchor's units comes back to [-1, 1]."""

    def __call__(self, img: torch.Tensor, like: MetaTensor) -> torch.Tensor:  # type: ignore[override]
        """Scale ``img`` by the window noted on `like` by `NormalizeModality`, clipped to [-1, 1].

        Raises:
            ValueError: `like` was not normalised, or the two are not on one grid.
        """
        if not isinstance(like, MetaTensor) or INTENSITY_RANGE not in like.meta:
            raise ValueError(f"{file_of(like)}: no {INTENSITY_RANGE!r} in its meta: NormalizeModality did not scale it")
        if img.shape[1:] != like.shape[1:]:
            raise ValueError(
                f"{file_of(img)}: is {tuple(img.shape[1:])} voxels and {file_of(like)} is {tuple(like.shape[1:])}; a "
                "fused image has the grid of its anchor: give the same anchor that it was fused with"
            )
        if isinstance(img, MetaTensor) and not same_grid(img, like):
            raise ValueError(
                f"{file_of(img)}: its voxels lie elsewhere than those of {file_of(like)}, though they are as many; a "
                "fused image has the grid of its anchor: give the same anchor that it was fused with"
            )
        low, high = (float(value) for value in like.meta[INTENSITY_RANGE])
        black, white = range_with(like)
        scaled = (img - low) * (2.0 / (high - low)) - 1.0
        return ((scaled - black) * (2.0 / (white - black)) - 1.0).clamp(-1.0, 1.0)


class NormalizeLiked(ArgumentRepr, MapTransform):
    """Dictionary version of `NormalizeLike`.

    Args:
        keys: images in the units of `like`.
        like: key of the image whose window they get, the anchor.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(self, keys: KeysCollection, like: str, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.like = like
        self.normalize = NormalizeLike()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Normalise every key's image."""
        normalised = dict(data)
        for key in self.key_iterator(normalised):
            normalised[key] = self.normalize(normalised[key], normalised[self.like])
        return normalised


NormalizeLikeD = NormalizeLikeDict = NormalizeLiked
