# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One picture a person looks at first: every source and the fusion side by side, in three planes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from monai_ddfm.intended_use import NOT_DIAGNOSTIC

__all__ = ["middle_planes", "preview_picture"]

_TITLE_HEIGHT = 16  # of the titles above and of the notice below
_SMALLEST_SIDE = 192  # pixels; smaller planes are enlarged by a whole number


def _spacing(volume: Tensor) -> np.ndarray:
    affine = volume.affine.cpu().numpy() if isinstance(volume, MetaTensor) else np.eye(4)
    return np.linalg.norm(affine[:3, :3], axis=0)


def middle_planes(volume: Tensor, centre: tuple[int, ...]) -> list[np.ndarray]:
    """Return the planes through `centre` of a volume as upright RGB pictures of square pixels.

    Only the planes are looked at: grey ``[1, H, W, D]`` in [-1, 1], or colour ``[3, H, W, D]`` in [0, 1]. The plane
    across the last axis comes first. A volume of one slice gives one plane.
    """
    spacing = _spacing(volume)
    voxels = volume.detach().as_subclass(Tensor).expand(3, -1, -1, -1)
    planes = []
    for axis in (2, 1, 0):
        across, up = (a for a in range(3) if a != axis)
        if min(voxels.shape[1 + across], voxels.shape[1 + up]) == 1:
            continue
        plane = np.flipud(voxels.select(1 + axis, centre[axis]).cpu().float().numpy().T)
        plane = plane if volume.shape[0] == 3 else (plane + 1.0) / 2.0
        size = np.array([plane.shape[1] * spacing[across], plane.shape[0] * spacing[up]]) / spacing.min()
        size *= max(1, round(_SMALLEST_SIDE / size.max()))
        picture = Image.fromarray((255 * plane.clip(0, 1)).round().astype(np.uint8))
        planes.append(np.asarray(picture.resize(tuple(size.round().astype(int)), Image.Resampling.BILINEAR)))
    return planes


def _centre(volume: Tensor) -> tuple[int, ...]:
    """Where most is seen: the centre of mass of the brightness."""
    grey = volume.detach().cpu().float().as_subclass(Tensor)[0]
    centre = []
    for axis, size in enumerate(grey.shape):
        profile = grey.mean(dim=[a for a in range(3) if a != axis]) + 1.0 + 1e-6
        centre.append(min(size - 1, round(float((profile * torch.arange(size)).sum() / profile.sum()))))
    return tuple(centre)


def preview_picture(volumes: Mapping[str, Tensor]) -> Image.Image:
    """Draw volumes on one grid as columns under their names, planes as rows, and what it is not for.

    Args:
        volumes: grey ``[1, H, W, D]`` in [-1, 1], or colour ``[3, H, W, D]`` in [0, 1], by title.
    """
    centre = _centre(next(volume for volume in reversed(list(volumes.values())) if volume.shape[0] == 1))
    columns = {name: middle_planes(volume, centre) for name, volume in volumes.items()}
    rows = next(iter(columns.values()))
    width = max(plane.shape[1] for plane in rows)
    height = _TITLE_HEIGHT + sum(plane.shape[0] for plane in rows)
    notice = 8 + math.ceil(ImageFont.load_default().getlength(NOT_DIAGNOSTIC))
    picture = Image.new("RGB", (max(width * len(columns), notice), height + _TITLE_HEIGHT))
    draw = ImageDraw.Draw(picture)
    draw.text((4, height + 2), NOT_DIAGNOSTIC, fill="white")
    for column, (name, planes) in enumerate(columns.items()):
        draw.text((column * width + 4, 2), name, fill="white")
        top = _TITLE_HEIGHT
        for plane in planes:
            picture.paste(Image.fromarray(plane), (column * width + (width - plane.shape[1]) // 2, top))
            top += plane.shape[0]
    return picture
