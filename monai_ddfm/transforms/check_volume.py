# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Voxels that cannot be fused are refused before any work is done."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from monai.utils import convert_to_tensor

from monai_ddfm.io.endings import PICTURE_ENDINGS, image_ending
from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["WITHOUT_PLACE", "CheckVolume", "CheckVolumeD", "CheckVolumeDict", "CheckVolumed", "file_of", "is_picture"]

WITHOUT_PLACE = "without_place"
"""Key in the meta of images that do not say where they lie: pictures, arrays without an affine."""

_LARGEST = 1e30  # a hundred million times below float32's limit


def file_of(img: torch.Tensor, default: str = "image") -> str:
    """Return the file an image was read from, for messages."""
    if isinstance(img, MetaTensor):
        return str(img.meta.get("filename_or_obj", default))
    return default


def is_picture(img: torch.Tensor) -> bool:
    """Return whether an image was read from a PNG or JPEG file: in grey levels, and in no space."""
    return image_ending(Path(file_of(img))) in PICTURE_ENDINGS


class CheckVolume(ArgumentRepr, Transform):
    """Require one real, finite, non-constant channel and give it as float32 ``[1, H, W, D]``.

    Call it after `LoadImage` (with ``dtype=None``, or the imaginary part is cut before anyone sees it) and
    `EnsureChannelFirst`. A 2-D image becomes a volume of one slice.

    Args:
        allow_constant: let an image pass that has one value everywhere.
    """

    def __init__(self, allow_constant: bool = False) -> None:
        self.allow_constant = allow_constant

    def __call__(self, img: torch.Tensor, name: str = "image") -> MetaTensor:
        """Check ``[C, H, W(, D)]``; `name` stands in messages for an image that has no file.

        Raises:
            ValueError: several channels or time points, another number of dimensions, complex, NaN or infinite voxels,
                no voxels, or one value everywhere. The message names the file.
        """
        placed = isinstance(img, MetaTensor)
        img = convert_to_tensor(img, track_meta=True)
        what = file_of(img, name)
        if img.numel() == 0:
            raise ValueError(f"{what}: no voxels, shape {tuple(img.shape[1:])}; check the export")
        if img.ndim not in (3, 4):
            raise ValueError(f"{what}: expected a 2-D image or a 3-D volume, found {img.ndim - 1} dimensions")
        if img.shape[0] != 1:
            raise ValueError(
                f"{what}: expected one volume, found {img.shape[0]} of shape {tuple(img.shape[1:])}: a 4-D series or "
                "an image with channels; extract the volume to fuse, e.g. nibabel's `img.slicer[..., 0]`"
            )
        if img.is_complex():
            raise ValueError(f"{what}: complex voxels; fuse the magnitude (or the phase), saved as real numbers")
        img = img.to(torch.float32)
        finite = torch.isfinite(img)
        if not bool(finite.all()):
            raise ValueError(
                f"{what}: {int((~finite).sum())} of {img.numel()} voxels are NaN or infinite; replace them first, e.g. "
                "with numpy.nan_to_num"
            )
        if float(img.abs().max()) > _LARGEST:
            raise ValueError(
                f"{what}: values from {float(img.min()):.3g} to {float(img.max()):.3g}, which no scanner gives; check "
                "the export and its scale"
            )
        if not self.allow_constant and bool(img.min() == img.max()):
            raise ValueError(f"{what}: every voxel is {float(img.min()):g}, there is nothing to fuse; check the export")
        checked = MetaTensor(img[..., None] if img.ndim == 3 else img)
        if not placed:
            checked.meta[WITHOUT_PLACE] = True
        return checked


class CheckVolumed(ArgumentRepr, MapTransform):
    """Dictionary version of `CheckVolume`.

    Args:
        keys: images to check.
        allow_constant: see `CheckVolume`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(self, keys: KeysCollection, allow_constant: bool = False, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.check = CheckVolume(allow_constant)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Check every key's image, see `CheckVolume`."""
        checked = dict(data)
        for key in self.key_iterator(checked):
            checked[key] = self.check(checked[key], name=str(key))
        return checked


CheckVolumeD = CheckVolumeDict = CheckVolumed
