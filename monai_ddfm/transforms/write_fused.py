# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fused images on disk."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform
from PIL import Image

from monai_ddfm.io.atomic import atomic_file
from monai_ddfm.io.endings import VOLUME_ENDINGS, image_ending
from monai_ddfm.io.write_nifti import write_nifti
from monai_ddfm.transforms.argument_repr import ArgumentRepr

__all__ = ["DTYPES", "WriteFused", "WriteFusedD", "WriteFusedDict", "WriteFusedd", "result_path"]

DTYPES = ("float32", "int16")
_FEWEST_LEVELS = 100  # whole numbers that a volume must span, lest rounding takes its contrast


def result_path(output_dir: str | Path, case: str, suffix: str, extension: str) -> Path:
    """Return where a result of a case stands: ``output_dir/<case>_<suffix><extension>``; no suffix, no underscore."""
    return Path(output_dir) / f"{case}{'_' * bool(suffix)}{suffix}{extension}"


class WriteFused(ArgumentRepr, Transform):
    """Write an image as NIfTI with its affine, or a single slice as PNG.

    Args:
        rgb: the image is colour, ``[3, H, W, D]`` in [0, 1], and is written as 8-bit RGB; else channels of a NIfTI are
            its fourth axis, and a PNG holds the grey levels 0 to 255 as they are.
        overwrite: replace an existing file; else it is kept and an error says so.
        dtype: of NIfTI in grey, one of `DTYPES`.
    """

    def __init__(self, rgb: bool = False, overwrite: bool = False, dtype: str = "float32") -> None:
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
        self.rgb = rgb
        self.dtype = dtype
        self.overwrite = overwrite

    def __call__(self, img: torch.Tensor, path: str | Path) -> Path:  # type: ignore[override]
        """Write ``[C, H, W, D]`` to `path`, ending in ``.nii``, ``.nii.gz`` or ``.png``.

        Raises:
            FileExistsError: `path` exists and `overwrite` is off.
            ValueError: another ending, a volume of several slices as PNG, or values that whole numbers cannot hold.
        """
        path = Path(path)
        ending = image_ending(path)
        if ending not in (*VOLUME_ENDINGS, ".png"):
            raise ValueError(f"{path}: cannot write such a file; use .nii.gz, .nii or .png")
        if ending == ".png" and img.shape[-1] != 1:
            raise ValueError(f"{path}: a PNG holds one slice, got {img.shape[-1]}; write a volume as .nii.gz")
        voxels = img.detach().cpu().as_subclass(torch.Tensor)
        if self.rgb or ending == ".png":
            voxels = _bytes(voxels, 255.0 if self.rgb else 1.0)
        voxels = voxels.movedim(0, -1)
        if self.dtype == "int16":
            voxels = _whole_numbers(voxels, path)
        with atomic_file(path, self.overwrite) as partial:
            if ending == ".png":
                picture = voxels[:, :, 0].transpose(0, 1)  # readers give the horizontal axis first
                Image.fromarray((picture if self.rgb else picture[..., 0]).contiguous().numpy()).save(partial)
            else:
                affine = img.affine if isinstance(img, MetaTensor) else torch.eye(4)
                write_nifti(_nifti(voxels.numpy(), affine), partial)
        return path


def _bytes(channels: torch.Tensor, white: float) -> torch.Tensor:
    """Return ``[C, H, W, D]`` times `white` as 8-bit levels whose channels lie beside each other, made one by one."""
    levels = torch.empty(*channels.shape[1:], len(channels), dtype=torch.uint8)
    for level, channel in zip(levels.unbind(-1), channels, strict=True):
        level.copy_((channel * white).round_().clamp_(0, 255))
    return levels.movedim(-1, 0)


def _whole_numbers(voxels: torch.Tensor, path: Path) -> torch.Tensor:
    low, high = float(voxels.min()), float(voxels.max())
    if low < -32768 or high > 32767 or high - low < _FEWEST_LEVELS:
        raise ValueError(
            f"{path}: values from {low:g} to {high:g}; int16 holds -32768 to 32767 and needs a span of "
            f"{_FEWEST_LEVELS} or more: write float32, or scale the anchor"
        )
    return voxels.round().to(torch.int16)


def _nifti(voxels: np.ndarray, affine: torch.Tensor) -> nib.Nifti1Image:
    """A volume of one channel is 3-D; 8-bit colour takes NIfTI's RGB24; other channels are the fourth axis."""
    if voxels.dtype == np.uint8:
        voxels = np.ascontiguousarray(voxels).view([("R", "u1"), ("G", "u1"), ("B", "u1")])
    image = nib.Nifti1Image(voxels[..., 0] if voxels.shape[-1] == 1 else voxels, affine.cpu().double().numpy())
    image.header.set_xyzt_units("mm")
    return image


class WriteFusedd(ArgumentRepr, MapTransform):
    """Dictionary version of `WriteFused`: writes ``output_dir/<case>_<suffix><extension>``.

    Args:
        keys: images to write.
        output_dir: folder, made when missing.
        suffixes: end of the name for each key; the keys themselves by default.
        extension: ``.nii.gz``, ``.nii`` or ``.png``.
        rgb, dtype: see `WriteFused`.
        case_key: key of the case's name.
        overwrite: replace existing files.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_dir: str | Path,
        suffixes: Sequence[str] | None = None,
        extension: str = ".nii.gz",
        rgb: bool = False,
        dtype: str = "float32",
        case_key: str = "case",
        overwrite: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_dir = output_dir
        self.suffixes = dict(zip(self.keys, suffixes or map(str, self.keys), strict=True))
        self.extension = extension
        self.case_key = case_key
        self.write = WriteFused(rgb, overwrite, dtype)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write every key's image; the data is returned unchanged."""
        for key in self.key_iterator(dict(data)):
            self.write(data[key], result_path(self.output_dir, data[self.case_key], self.suffixes[key], self.extension))
        return dict(data)


WriteFusedD = WriteFusedDict = WriteFusedd
