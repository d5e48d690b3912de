# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""From a volume with an affine to the slices DICOM wants: rows, columns, positions in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from monai_ddfm.dicom.identity import SeriesIdentity

__all__ = ["SliceStack", "as_array", "stack_slices"]

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_BLOCK = 16
_SAME_POSITION = 0.05  # mm, well below any voxel
_SAME_DIRECTION = 1e-3
_SAME_SPACING = 1e-3  # relative


@dataclass(frozen=True)
class SliceStack:
    """Slices in the anchor's order, with their place in the patient (LPS, mm).

    Attributes:
        frames: ``[N, rows, columns]`` or ``[N, rows, columns, channels]``.
        positions: centre of the first pixel of each slice, ``[N, 3]``.
        orientation: direction of growing column index, then of growing row index, six cosines.
        pixel_spacing: distance between rows, distance between columns, mm.
        slice_spacing: distance between slices along their normal, mm.
        on_anchor: slice k lies exactly on the anchor's instance k.
    """

    frames: NDArray[Any]
    positions: NDArray[np.float64]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, float]
    slice_spacing: float
    on_anchor: bool

    @property
    def grid_name(self) -> str:
        """What tells this grid from others in a UID: the same sources resampled to another grid are other images."""
        corners = np.round(self.positions[[0, -1]], 2).tolist()
        return f"{self.frames.shape[:3]} {corners} {np.round(self.pixel_spacing, 4).tolist()}"


def stack_slices(
    volume: torch.Tensor | NDArray[Any],
    affine: torch.Tensor | NDArray[Any],
    anchor: SeriesIdentity,
    anchor_pixel_spacing: tuple[float, float] | None = None,
) -> SliceStack:
    """Cut a volume into slices, as near to the anchor's slices as its axes allow.

    The volume may have been permuted or flipped since it was read (``Orientationd``): its axes are put back into the
    order and sense of the anchor's columns, rows and slices. Where the grid then equals the anchor's, the anchor's own
    positions and orientation are taken over; otherwise they follow from the affine.

    Args:
        volume: ``[C, H, W, D]``, C = 1 (grey) or 3 (colour).
        affine: 4x4, voxel index to RAS mm, as MONAI and NIfTI have it; may be left-handed.
        anchor: the series whose slices the new ones follow.
        anchor_pixel_spacing: the anchor's distance between rows and between columns in mm; None takes the volume's.

    Raises:
        ValueError: the volume is not ``[C, H, W, D]``, the affine is not an invertible 4x4 matrix, or its in-plane axes
            are not at right angles (DICOM has no sheared pixels).
    """
    voxels = _checked_volume(volume)
    to_lps = _RAS_TO_LPS @ _checked_affine(affine)
    axes, to_lps = _anchor_order(to_lps, voxels.shape[1:], anchor)
    # frames are [slice, row, column]; the anchor's order is [column, row, slice]
    ordered = voxels.transpose(0, *(1 + axis for axis, _ in axes))
    flips = [slice(None, None, -1) if flipped else slice(None) for _, flipped in axes]
    frames = np.moveaxis(ordered[(slice(None), *flips)].transpose(0, 3, 2, 1), 0, -1)
    column_step, row_step, slice_step, origin = to_lps[:3].T
    column_cosines, row_cosines = column_step / np.linalg.norm(column_step), row_step / np.linalg.norm(row_step)
    if abs(column_cosines @ row_cosines) > _SAME_DIRECTION:
        raise ValueError(
            "the volume's grid is sheared within the slices, which DICOM cannot say; "
            "resample it to a grid with right angles (MONAI's Spacing) before writing"
        )
    normal = np.cross(column_cosines, row_cosines)
    stack = SliceStack(
        frames=_contiguous(frames[..., 0] if frames.shape[-1] == 1 else frames),
        positions=origin + np.arange(len(frames))[:, None] * slice_step,
        orientation=(*column_cosines, *row_cosines),
        pixel_spacing=(float(np.linalg.norm(row_step)), float(np.linalg.norm(column_step))),
        slice_spacing=float(abs(slice_step @ normal)),
        on_anchor=False,
    )
    return _take_over_anchor(stack, anchor, anchor_pixel_spacing)


def as_array(values: torch.Tensor | NDArray[Any]) -> NDArray[Any]:
    """Return a tensor's values, wherever it lies, as an array."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _contiguous(frames: NDArray[Any]) -> NDArray[Any]:
    """Copy turned axes block by block, which stays in the processor's cache: many times faster on a large volume."""
    copied = np.empty(frames.shape, frames.dtype)
    for row in range(0, frames.shape[1], _BLOCK):
        for column in range(0, frames.shape[2], _BLOCK):
            block = np.s_[:, row : row + _BLOCK, column : column + _BLOCK]
            copied[block] = frames[block]
    return copied


def _checked_volume(volume: torch.Tensor | NDArray[Any]) -> NDArray[Any]:
    voxels = as_array(volume)
    if voxels.ndim != 4 or voxels.shape[0] not in (1, 3) or 0 in voxels.shape:
        raise ValueError(f"a volume to write is [1 or 3, H, W, D], got an array of shape {tuple(voxels.shape)}")
    return voxels


def _checked_affine(affine: torch.Tensor | NDArray[Any]) -> NDArray[np.float64]:
    matrix = as_array(affine).astype(np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise ValueError(f"an affine is an invertible 4x4 matrix, got {np.array2string(matrix, precision=4)}")
    return matrix


def _anchor_order(
    to_lps: NDArray[np.float64], shape: tuple[int, ...], anchor: SeriesIdentity
) -> tuple[list[tuple[int, bool]], NDArray[np.float64]]:
    """Find the volume's axes that run along the anchor's columns, rows and slices, and the affine in that order."""
    first, last = anchor.instances[0], anchor.instances[-1]
    along_columns, along_rows = np.reshape(first.image_orientation, (2, 3))
    along_slices = np.cross(along_columns, along_rows)
    if (np.subtract(last.image_position, first.image_position)) @ along_slices < 0:
        along_slices = -along_slices
    wanted = np.stack([along_columns, along_rows, along_slices])
    steps = to_lps[:3, :3]
    cosines = wanted @ (steps / np.linalg.norm(steps, axis=0))
    order = max(permutations(range(3)), key=lambda p: sum(abs(cosines[row, axis]) for row, axis in enumerate(p)))
    axes = [(axis, bool(cosines[row, axis] < 0)) for row, axis in enumerate(order)]
    ordered = np.eye(4)
    ordered[:3, 3] = to_lps[:3, 3]
    for row, (axis, flipped) in enumerate(axes):
        ordered[:3, row] = -steps[:, axis] if flipped else steps[:, axis]
        ordered[:3, 3] += steps[:, axis] * (shape[axis] - 1 if flipped else 0)
    return axes, ordered


def _take_over_anchor(
    stack: SliceStack, anchor: SeriesIdentity, anchor_pixel_spacing: tuple[float, float] | None
) -> SliceStack:
    """Return the stack with the anchor's own positions, where it lies on them; else as it is."""
    if anchor.resampled or len(anchor.instances) != len(stack.positions):
        return stack
    positions = np.array([instance.image_position for instance in anchor.instances])
    orientation = anchor.instances[0].image_orientation
    spacing = stack.pixel_spacing if anchor_pixel_spacing is None else anchor_pixel_spacing
    same = (
        np.abs(positions - stack.positions).max() < _SAME_POSITION
        and np.abs(np.subtract(orientation, stack.orientation)).max() < _SAME_DIRECTION
        and np.allclose(spacing, stack.pixel_spacing, rtol=_SAME_SPACING)
    )
    if not same:
        return stack
    return SliceStack(stack.frames, positions, orientation, spacing, stack.slice_spacing, True)
