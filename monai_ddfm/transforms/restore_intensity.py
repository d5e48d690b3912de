# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""From [-1, 1] back to the units of the image that was normalised."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import file_of
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE

__all__ = ["RestoreIntensity", "RestoreIntensityD", "RestoreIntensityDict", "RestoreIntensityd", "range_with"]


def range_with(like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what black and white stand for at each voxel, in the normalised units of `like`: -1 and 1, or its value.

    A display saturates at its window; a number must not. Where `like` lies beyond the window, the window is widened at
    that voxel just to hold it.
    """
    values = like.as_subclass(torch.Tensor)
    return values.clamp(max=-1.0), values.clamp(min=1.0)


class RestoreIntensity(ArgumentRepr, Transform):
    """Undo `NormalizeModality`."""

    def __call__(self, img: torch.Tensor, like: MetaTensor | None = None) -> torch.Tensor:
        """Return ``img`` in the units noted by `NormalizeModality` on `like` (on ``img`` itself when None).

        Where `like` goes beyond [-1, 1] (it was not clipped), an ``img`` of -1 or 1 becomes its own value, and what is
        between them lies evenly between: values beyond the window come back, and the order of brightness is kept.

        Raises:
            ValueError: the noting image carries no ``intensity_range``.
        """
        noted = img if like is None else like
        if not isinstance(noted, MetaTensor) or INTENSITY_RANGE not in noted.meta:
            raise ValueError(
                f"{file_of(noted)}: no {INTENSITY_RANGE!r} in its meta: NormalizeModality did not scale it"
            )
        low, high = (float(value) for value in noted.meta[INTENSITY_RANGE])
        if like is not None:
            black, white = range_with(like)
            img = torch.lerp(black, white, (img + 1.0) / 2.0)
        return (img + 1.0) * ((high - low) / 2.0) + low


class RestoreIntensityd(ArgumentRepr, MapTransform):
    """Dictionary version of `RestoreIntensity`.

    Args:
        keys: images in [-1, 1].
        like: key of the image whose units they get, the anchor; None: their own.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(self, keys: KeysCollection, like: str | None = None, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.like = like
        self.restore = RestoreIntensity()

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Restore every key's image."""
        restored = dict(data)
        for key in self.key_iterator(restored):
            restored[key] = self.restore(restored[key], None if self.like is None else restored[self.like])
        return restored


RestoreIntensityD = RestoreIntensityDict = RestoreIntensityd
