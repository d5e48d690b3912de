# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""An image with voxels of another size, over the same field of view."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform, Transform

from monai_ddfm.transforms.argument_repr import ArgumentRepr
from monai_ddfm.transforms.check_volume import WITHOUT_PLACE, file_of
from monai_ddfm.transforms.match_grids import MatchGrids

__all__ = ["Respace", "RespaceD", "RespaceDict", "Respaced", "respaced_grid"]


def respaced_grid(
    affine: torch.Tensor, size: Sequence[int], spacing: float | Sequence[float]
) -> tuple[torch.Tensor, list[int]]:
    """Return the affine ``[4, 4]`` and the size of a grid of other voxels that lies centred in the same field of view.

    Args:
        affine: of the grid that it is made from.
        size: its voxels along each axis.
        spacing: of the new voxels in mm, along each axis or along all.
    """
    old = affine[:3, :3].double().norm(dim=0).cpu().numpy()
    wanted = np.broadcast_to(np.asarray(spacing, dtype=float), (3,))
    voxels = np.maximum(1, np.rint(np.asarray(size) * old / wanted))
    steps = wanted / old
    first = (np.asarray(size) - 1 - (voxels - 1) * steps) / 2  # of the new voxels, in the old one's indices
    placed = np.diag([*steps, 1.0])
    placed[:3, 3] = first
    return affine.double() @ torch.from_numpy(placed).to(affine.device), [int(count) for count in voxels]


class _MatchToBorder(MatchGrids):
    """Beyond its outermost voxels' centres the image goes on as they are."""

    _padding, _padding_of_splines = "border", "nearest"


class Respace(ArgumentRepr, Transform):
    """Resample an image to voxels of another size, smoothed first along the axes that become coarser.

    Args:
        spacing: in mm, along each axis of the image or along all.
        mode: see `MatchGrids`.

    Raises:
        ValueError: a spacing that is not one or three positive numbers.
    """

    def __init__(self, spacing: float | Sequence[float], mode: str | int = "bilinear") -> None:
        if np.size(spacing) not in (1, 3) or np.min(spacing) <= 0:
            raise ValueError(f"spacing must be one or three positive numbers, in mm, got {spacing}")
        self.spacing = spacing
        self.match = _MatchToBorder(mode)

    def __call__(self, img: MetaTensor) -> MetaTensor:
        """Return ``[C, H, W, D]`` on its new grid; as it is where its voxels are of that size.

        Raises:
            ValueError: a picture, which has no millimetres.
        """
        if img.meta.get(WITHOUT_PLACE):
            raise ValueError(f"{file_of(img)}: a picture has no millimetres: leave spacing out, or fuse volumes")
        affine, size = respaced_grid(img.affine, img.shape[1:], self.spacing)
        grid = MetaTensor(torch.empty(1).expand(1, *size), affine=affine)
        return self.match(img, grid)


class Respaced(ArgumentRepr, MapTransform):
    """Dictionary version of `Respace`.

    Args:
        keys: the images.
        spacing, mode: see `Respace`.
        allow_missing_keys: skip keys that a case lacks.
    """

    def __init__(
        self,
        keys: KeysCollection,
        spacing: float | Sequence[float],
        mode: str | int = "bilinear",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.respace = Respace(spacing, mode)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resample every key's image."""
        respaced = dict(data)
        for key in self.key_iterator(respaced):
            respaced[key] = self.respace(respaced[key])
        return respaced


RespaceD = RespaceDict = Respaced
