# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Maximum intensity projections (MIP) of a volume, seen from all around."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from monai.transforms import Orientation
from torch import Tensor

__all__ = ["rotating_projection"]

_ENOUGH_CHROMA = 0.35  # a colour is one, and no more so when it is purer: the brightest of a palette is often pale


def _upright(volume: Tensor, side: float, largest: int) -> Tensor:
    """The volume ``[C, X, Y, Z]`` along left-right, back-front and feet-head, in cubic voxels of `side` mm or more."""
    affine = volume.affine if isinstance(volume, MetaTensor) else torch.eye(4, dtype=torch.float64)
    image = MetaTensor(volume.detach().cpu().float().as_subclass(Tensor), affine=affine)
    turned = MetaTensor(Orientation("RAS", labels=(("L", "R"), ("P", "A"), ("I", "S")))(image))
    spacing = np.linalg.norm(np.asarray(turned.affine)[:3, :3], axis=0)
    extent = spacing * np.array(turned.shape[1:])
    side = max(side or float(spacing.min()), float(extent.max()) / largest)
    size = [max(1, round(length / side)) for length in extent.tolist()]
    return F.interpolate(turned.as_subclass(Tensor)[None], size, mode="trilinear", align_corners=False)[0]


def _turned(volume: Tensor, degrees: float, lowest: Tensor) -> Tensor:
    """``[C, X, Y, Z]`` turned about feet-head onto a square that holds it at every angle; `lowest` beyond it."""
    _, width, depth, _ = volume.shape
    square = math.ceil(math.hypot(width, depth))
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    # of the output: x along left-right and y along back-front, in voxels from the centre
    steps = torch.arange(square, dtype=torch.float32) - (square - 1) / 2
    x, y = torch.meshgrid(steps, steps, indexing="ij")
    place_x, place_y = cos * x - sin * y, sin * x + cos * y
    grid = torch.stack([2 * place_y / depth, 2 * place_x / width], dim=-1)[None]  # the last axis of the image first
    planes = (volume - lowest).permute(3, 0, 1, 2)  # feet-head as the batch
    sampled = F.grid_sample(planes, grid.expand(len(planes), -1, -1, -1), align_corners=False)
    return sampled.permute(1, 2, 3, 0) + lowest


def rotating_projection(volume: Tensor, angles: int = 36, side: float = 0.0, largest: int = 256) -> Tensor:
    """Return the MIP of a volume from `angles` directions around the axis from feet to head, in mm proportions.

    In colour one voxel of each ray gives its colour: the one of the largest luminance (ITU-R BT.601), where what has a
    colour (chroma: largest less smallest channel) counts as brighter, so that white anatomy does not hide uptake.

    Args:
        volume: grey ``[1, H, W, D]`` or colour ``[3, H, W, D]``, a `MetaTensor` with its affine.
        angles: evenly around; the first looks from the front, the patient's right on the left.
        side: of a pixel in mm; 0 takes the finest spacing.
        largest: pixels along the longest side of the volume, at most; coarser where it would have more.

    Returns:
        ``[angles, C, rows, columns]``, upright.

    Raises:
        ValueError: no angle, or neither one nor three channels.
    """
    if angles < 1 or volume.ndim != 4 or volume.shape[0] not in (1, 3):
        raise ValueError(f"expected 1 or more angles and [1 or 3, H, W, D], got {angles} and {tuple(volume.shape)}")
    upright = _upright(volume, side, largest)
    lowest = upright.amin(dim=(1, 2, 3), keepdim=True)
    luminance = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1, 1)
    views = []
    for number in range(angles):
        turned = _turned(upright, 360.0 * number / angles, lowest)
        if len(turned) == 1:
            seen = turned.amax(dim=2)
        else:
            chroma = turned.amax(dim=0) - turned.amin(dim=0)
            weight = (turned * luminance).sum(dim=0) + 2.0 * chroma.clamp(max=_ENOUGH_CHROMA)
            brightest = weight.argmax(dim=1).expand(3, -1, -1)[:, :, None]
            seen = turned.gather(2, brightest).squeeze(2)
        views.append(seen.permute(0, 2, 1).flip(1))  # head up; x grows to the patient's right
    # seen from the front the patient's right is on the left: x, which grows to the right, is mirrored
    return torch.stack(views).flip(-1)
