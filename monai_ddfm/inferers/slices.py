# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Volumes as stacks of slices, and slices of any size for networks that want multiples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from monai.data import MetaTensor
from torch import Tensor

__all__ = ["pad_by_reflection", "slices_to_volume", "volume_to_slices", "voxel_size"]


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


def _reflected(size: int, multiple: int, device: torch.device) -> Tensor:
    """Indices that lengthen an axis to the next multiple by reflection, to and fro when the axis is short."""
    padded = -(-size // multiple) * multiple
    if size == 1:
        return torch.zeros(padded, dtype=torch.long, device=device)
    position = torch.arange(padded, device=device) % (2 * size - 2)
    return torch.minimum(position, 2 * size - 2 - position)


def pad_by_reflection(images: Tensor, multiple: int) -> Tensor:
    """Lengthen the last two axes to multiples of `multiple`, reflecting past the end; ``[..., :H, :W]`` undoes it."""
    height, width = images.shape[-2:]
    down, right = -height % multiple, -width % multiple
    if not (down or right):
        return images
    if images.ndim == 4 and down < height and right < width:
        return F.pad(images, (0, right, 0, down), mode="reflect")
    rows, columns = (_reflected(size, multiple, images.device) for size in (height, width))
    return images.index_select(-2, rows).index_select(-1, columns)
