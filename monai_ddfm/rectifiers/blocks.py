# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes in blocks that stay in cache: what is temporary is as large as a block, and its memory is used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

__all__ = ["by_blocks", "spans"]

_VOXELS = 2**18  # of a block: 1 MiB in float32, a few of which stay in the second cache of two cores


def spans(count: int, voxels_each: int, device: torch.device, at_least: int = 1) -> Iterator[tuple[int, int]]:
    """Yield first and end of runs of slices (rows, columns) that make a block; on an accelerator all are one block.

    Args:
        count: how many there are.
        voxels_each: size of one.
        device: where they lie.
        at_least: so many in a block, whatever their size.
    """
    step = count if device.type != "cpu" else max(at_least, _VOXELS // max(voxels_each, 1))
    for first in range(0, count, max(step, 1)):
        yield first, min(first + step, count)


def by_blocks(
    compute: Callable[..., Tensor | Sequence[Tensor]],
    *volumes: Tensor,
    halo: int = 0,
    out: Sequence[Tensor] | None = None,
) -> list[Tensor]:
    """Apply to blocks of slices what computes each voxel from its neighbourhood.

    Args:
        compute: maps blocks ``[B, C, *spatial]`` to one such tensor or several; C may be another.
        *volumes: all with the same batch and spatial axes. Volumes ``[B, C, D, H, W]`` are cut along D, images
            ``[B, C, H, W]`` and volumes of one slice along B.
        halo: slices on either side that a voxel depends on.
        out: where results go; new tensors by default. One of `volumes` may be among them where there is no halo.

    Returns:
        the results for whole volumes: those of `compute` on the whole, to the bit.
    """
    like = volumes[0]
    axis = 2 if like.ndim == 5 and like.shape[2] > 1 else 0
    count, halo = like.shape[axis], halo if axis else 0
    size = like[:, :1].numel() // max(count, 1)
    results = None if out is None else list(out)
    for first, end in spans(count, size, like.device, at_least=8 * halo):
        seen = max(0, first - halo)
        length = min(end + halo, count) - seen
        answer = compute(*(volume.narrow(axis, seen, length) for volume in volumes))
        parts = [answer] if isinstance(answer, Tensor) else list(answer)
        if first == 0 and end == count and results is None:
            return parts
        if results is None:
            results = [part.new_empty([*part.shape[:axis], count, *part.shape[axis + 1 :]]) for part in parts]
        for part, whole in zip(parts, results, strict=True):
            whole.narrow(axis, first, end - first).copy_(part.narrow(axis, first - seen, end - first))
    return results or []
