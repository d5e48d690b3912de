# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Asking a prior about slices of any size, in the chosen arithmetic."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.priors.base import DiffusionPrior

__all__ = ["pad_by_reflection", "predict_padded"]


def predict_padded(prior: DiffusionPrior, x_t: Tensor, t: Tensor | int, dtype: torch.dtype) -> Tensor:
    """Return the prior's x0 for ``x_t`` ``[B, channels, H, W]``, padded to the network's multiple and cropped back.

    Args:
        prior: the prior.
        x_t: noisy images.
        t: timestep, one for all or one per image.
        dtype: arithmetic of the network; anything but float32 by autocast. Narrow images on a CPU take float32.
    """
    height, width = x_t.shape[-2:]
    padded = pad_by_reflection(x_t, prior.spatial_multiple)
    if _is_narrow(padded, prior.spatial_multiple):
        dtype = torch.float32
    lowered = torch.autocast(x_t.device.type, dtype=dtype) if dtype != torch.float32 else nullcontext()
    with lowered:
        x0 = prior.predict_x0(padded, t)
    return x0[..., :height, :width]


def _is_narrow(images: Tensor, multiple: int) -> bool:
    """Whether the deepest planes are two pixels wide: there oneDNN's bfloat16 convolutions of stride 2 go wrong.

    They answer with values off by hundreds, or NaN, that differ from run to run; from four pixels on they are right.
    """
    return images.device.type == "cpu" and min(images.shape[-2:]) < 2 * multiple


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
