# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A volume in slabs that overlap by what a rectifier sees around a voxel: no cut can be told from the result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch

from monai_ddfm.inferers.memory import attempt, free_memory, out_of_memory

__all__ = ["compute_in_slabs", "slabs", "slices_per_slab"]

logger = logging.getLogger(__name__)

_SLAB_VOXELS = 20_000_000
"""Of a source in a slab: the structure rectifier holds some 16 volumes of that size, 1.3 GB in float32. Measured on
512 x 512 x 135 voxels (docs/performance.md): twice as much takes 1 GB more and saves a third of the time."""
_SLAB_SHARE = 4  # a slab of a quarter of the volume takes no more than what is held of all of it
_BYTES_PER_VOXEL = 4 * (14 + 8)  # ... and on a GPU, where blocks are not used, a third more
_BYTES_PER_VOXEL_AND_SOURCE = 4 * 8


def slices_per_slab(count: int, voxels_each: int, sources: int, reach: int, device: torch.device) -> int:
    """Return how many coupled slices to keep between two cuts, where nobody says.

    With the `reach` on either side they are at most 20 million voxels, or a quarter of the volume if that is more. No
    fewer than `reach`, so that at most three times the work is done. On a GPU, as many as half of its free memory
    holds.

    Args:
        count: slices of the volume.
        voxels_each: of a slice.
        sources: that are fused.
        reach: slices that a slab overlaps by, on either side.
        device: that computes.
    """
    most = max(_SLAB_VOXELS, count * voxels_each // _SLAB_SHARE)
    if device.type == "cuda":
        most = free_memory(device) // 2 // (_BYTES_PER_VOXEL + _BYTES_PER_VOXEL_AND_SOURCE * sources)
    return max(1, most // max(voxels_each, 1) - 2 * reach, reach)


def slabs(count: int, slab: int, reach: int) -> Iterator[tuple[slice, slice]]:
    """Yield which of `count` slices are computed at once, and which of these to keep.

    Args:
        count: slices of the volume.
        slab: slices that are kept between two cuts, at most.
        reach: slices that a slab overlaps by, on either side.
    """
    first = 0
    while first < count:
        seen, kept = _slab_from(first, count, slab, reach)
        yield seen, kept
        first = seen.start + kept.stop


def compute_in_slabs(
    compute: Callable[[slice, slice], None], count: int, slab: int, reach: int, device: torch.device, size: str
) -> None:
    """Compute slab by slab; when memory runs out, in smaller ones from there on.

    Args:
        compute: takes which slices to see, and which of these to keep.
        count: slices of the volume.
        slab: slices that are kept of a slab, at most.
        reach: slices that a slab overlaps by, on either side.
        device: that computes.
        size: height and width of a slice, for messages.

    Raises:
        MemoryError: the smallest slab does not fit; says how much was asked for.
    """

    def done(seen: slice, kept: slice) -> bool:
        compute(seen, kept)
        return True

    first = 0
    while first < count:
        seen, kept = _slab_from(first, count, slab, reach)
        fitted, shortage = attempt(partial(done, seen, kept), device)
        if fitted:
            first = seen.start + kept.stop
            continue
        slab = _smaller_slab(first, count, min(slab, kept.stop - kept.start), reach)
        if not slab:
            slices = seen.stop - seen.start
            what = f"{slices} coupled slices" if slices > 1 else "a single slice"
            raise out_of_memory(f"{what} of {size}", device, shortage)
        logger.warning("%s is out of memory: going on in slabs of %d slices", device, slab)


def _slab_from(first: int, count: int, slab: int, reach: int) -> tuple[slice, slice]:
    """Which slices are seen at once when all before `first` are done, and which of these to keep."""
    end = first + slab + (0 if first else reach)  # the first slab overlaps on one side alone
    if end >= count - reach:
        end = count
    seen = slice(max(0, first - reach), min(end + reach, count))
    return seen, slice(first - seen.start, end - seen.start)


def _smaller_slab(first: int, count: int, slab: int, reach: int) -> int:
    """Half of a slab that did not fit, or less where half would see the same slices; 0 where none sees fewer."""
    seen, _ = _slab_from(first, count, slab, reach)
    while slab > 1:
        slab //= 2
        if _slab_from(first, count, slab, reach)[0] != seen:
            return slab
    return 0
