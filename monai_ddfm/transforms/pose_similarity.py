# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How much two volumes tell about each other in a pose: mutual information on points in the patient's space."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import torch
from monai.data import MetaTensor
from numpy.typing import NDArray

__all__ = ["mutual_information", "overlap_points", "rigid_pose", "values_at", "world_box"]

Points = NDArray[np.float64]
BINS = 32
MAX_POINTS = 60_000


def world_box(volume: MetaTensor) -> tuple[Points, Points]:
    """Return the lowest and highest corner (mm, RAS) of the box around a volume ``[1, H, W, D]``."""
    affine = np.asarray(volume.affine, dtype=np.float64)
    indices = np.array(list(product(*[(-0.5, size - 0.5) for size in volume.shape[1:]])))
    corners = indices @ affine[:3, :3].T + affine[:3, 3]
    return corners.min(axis=0), corners.max(axis=0)


def overlap_points(fixed: MetaTensor, moving: MetaTensor, spacing: float = 4.0) -> Points:
    """Return points ``[N, 3]`` (mm, RAS) on a lattice through the common part of two volumes' boxes.

    The lattice is `spacing` wide, or as wide as 60,000 points allow. Empty when the boxes do not meet.
    """
    (low_a, high_a), (low_b, high_b) = world_box(fixed), world_box(moving)
    low, high = np.maximum(low_a, low_b), np.minimum(high_a, high_b)
    extent = high - low
    if np.any(extent <= 0):
        return np.empty((0, 3))
    step = max(spacing, float(np.prod(extent) / MAX_POINTS) ** (1 / 3))
    ticks = [low[axis] + np.arange(0.5 * min(step, extent[axis]), extent[axis], step) for axis in range(3)]
    return np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1).reshape(-1, 3)


def values_at(volume: MetaTensor, points: Points) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Sample a volume ``[1, H, W, D]`` linearly at points (mm, RAS).

    Returns:
        the values ``[N]`` and whether each point lies inside the volume ``[N]``.
    """
    affine = np.asarray(volume.affine, dtype=np.float64)
    indices = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    shape = np.array(volume.shape[1:])
    inside = np.all((indices >= -0.5) & (indices <= shape - 0.5), axis=1)
    normalised = 2.0 * indices / np.maximum(shape - 1, 1) - 1.0
    grid = torch.from_numpy(normalised[:, ::-1].astype(np.float32))[None, None, None]
    image = volume.as_tensor().detach().cpu().float()[None]
    values = torch.nn.functional.grid_sample(image, grid, padding_mode="border", align_corners=True)
    return values.flatten().numpy(), inside


def mutual_information(fixed_values: NDArray[np.float32], moving_values: NDArray[np.float32]) -> float:
    """Mutual information (nats) of paired values, from a joint histogram of 32 x 32 bins.

    The bins span the 1st to the 99th percentile of each, so that a few extreme voxels do not fill them.
    """
    joint = np.bincount(_bins(fixed_values) * BINS + _bins(moving_values), minlength=BINS * BINS).astype(np.float64)
    joint = joint.reshape(BINS, BINS) / len(fixed_values)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    return float(np.sum(joint[filled] * np.log(joint[filled] / independent[filled])))


def _bins(values: NDArray[np.float32]) -> NDArray[np.int64]:
    low, high = np.percentile(values, [1, 99])
    if high <= low:  # mostly background: take the whole range
        low, high = values.min(), values.max()
    scaled = (values - low) / max(float(high - low), 1e-12) * BINS
    return np.clip(scaled, 0, BINS - 1).astype(np.int64)


def rigid_pose(points: Points, shift: Sequence[float] = (0, 0, 0), degrees: Sequence[float] = (0, 0, 0)) -> Points:
    """Turn points ``[N, 3]`` about their centre (degrees about x, then y, then z), then shift them (mm)."""
    moved = points
    centre = points.mean(axis=0)
    for axis, angle in enumerate(np.radians(degrees)):
        if angle:
            i, j = (axis + 1) % 3, (axis + 2) % 3
            rotation = np.eye(3)
            rotation[[i, j, i, j], [i, j, j, i]] = np.cos(angle), np.cos(angle), -np.sin(angle), np.sin(angle)
            moved = (moved - centre) @ rotation.T + centre
    return moved + np.asarray(shift, dtype=np.float64)
