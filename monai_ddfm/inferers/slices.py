# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes as stacks of slices."""

from __future__ import annotations

from monai.data import MetaTensor
from torch import Tensor

__all__ = ["slices_to_volume", "volume_to_slices", "voxel_size"]


def volume_to_slices(volume: Tensor, slice_axis: int = -1) -> Tensor:
    """Return ``[B, C, *three spatial]`` as slices ``[B, D, C, H, W]``, D being the spatial axis `slice_axis`.

    A batch of pictures ``[B, C, H, W]`` becomes one stack ``[1, B, C, H, W]``.
    """
    if volume.ndim == 4:
        return volume[None]
    return volume.movedim(_tensor_axis(slice_axis), 1)


def slices_to_volume(slices: Tensor, slice_axis: int = -1, spatial_dims: int = 3) -> Tensor:
    """Undo `volume_to_slices`."""
    if spatial_dims == 2:
        return slices[0]
    return slices.movedim(1, _tensor_axis(slice_axis))


def voxel_size(inputs: Tensor, slice_axis: int = -1) -> list[float] | None:
    """Return a voxel's size across the slices and in them, ``(D, H, W)``, in mm where an affine says it.

    Pictures ``[B, C, H, W]`` have no voxels: None.
    """
    if inputs.ndim == 4:
        return None
    if not isinstance(inputs, MetaTensor):
        return [1.0, 1.0, 1.0]
    affine = inputs.affine[0] if inputs.affine.ndim == 3 else inputs.affine  # a batch has one affine each
    sizes = affine[:3, :3].double().norm(dim=0).tolist()
    return [sizes.pop(slice_axis % 3), *sizes]


def _tensor_axis(slice_axis: int) -> int:
    if not -3 <= slice_axis < 3:
        raise ValueError(f"slice_axis counts the three spatial axes, -3 to 2, got {slice_axis}")
    return 2 + slice_axis % 3
