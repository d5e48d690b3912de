# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A volume in slabs that overlap by what a rectifier sees around a voxel: no cut can be told from the result."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch

from monai_ddfm.inferers.memory import attempt, free_memory, out_of_memory
from monai_ddfm.io.memory import return_freed_memory

__all__ = ["Cut", "best_cut", "compute_in_slabs", "slabs"]

logger = logging.getLogger(__name__)

_SLAB_VOXELS = 20_000_000
"""Of a source in a slab: the structure rectifier holds some 16 volumes of that size, 1.3 GB in float32. Measured on
512 x 512 x 135 voxels (docs/performance.md): twice as much takes 1 GB more and saves a third of the time."""
_SLAB_SHARE = 4  # a slab of a quarter of the volume takes no more than what is held of all of it
_BYTES_PER_VOXEL = 4 * (14 + 8)  # ... and on a GPU, where blocks are not used, a third more
_BYTES_PER_VOXEL_AND_SOURCE = 4 * 8
_NAMES = {0: "slices", 2: "rows", 3: "columns"}


class Cut(NamedTuple):
    """Where a volume ``[D, K, H, W]`` is cut.

    Attributes:
        axis: 0 between slices, 2 or 3 between their rows or columns.
        slab: slices (rows, columns) that are kept between two cuts, at most.
        reach: of these that a slab overlaps by, on either side.
    """

    axis: int
    slab: int
    reach: int


def best_cut(
    size: Sequence[int], sources: int, reaches: Sequence[int], device: torch.device, across: Callable[[], bool]
) -> Cut:
    """Return where to cut a volume, where nobody says.

    With what they overlap by, slabs are at most 20 million voxels, or a quarter of the volume if that is more; on a GPU
    as many as half of its free memory holds. No more of them than if none were thinner than the overlap, so that at
    most three times the work is done, and all of a size, which takes the least memory for that work.

    Args:
        size: slices, height and width.
        sources: that are fused.
        reaches: voxels on either side that an answer depends on, along each of these axes.
        device: that computes.
        across: whether slices may be cut, too; asked if the volume is. The longest axis has the least overlap.
    """
    most = max(_SLAB_VOXELS, math.prod(size) // _SLAB_SHARE)
    if device.type == "cuda":
        most = free_memory(device) // 2 // (_BYTES_PER_VOXEL + _BYTES_PER_VOXEL_AND_SOURCE * sources)
    if math.prod(size) <= most or not across():
        axis = 0
    else:
        axis = max(range(3), key=lambda axis: size[axis] / max(1, reaches[axis]))
    count, reach = size[axis], reaches[axis]
    if math.prod(size) <= most:
        return Cut(0, count, reach)
    slab = max(1, most * count // math.prod(size) - 2 * reach, reach)
    inner = max(1, count - 2 * reach)  # the first and the last slab overlap on one side alone
    return Cut(axis + (axis > 0), math.ceil(inner / math.ceil(inner / slab)), reach)


def slabs(count: int, cut: Cut) -> Iterator[tuple[slice, slice]]:
    """Yield which of `count` slices (rows, columns) are computed at once, and which of these to keep."""
    first = 0
    while first < count:
        seen, kept = _slab_from(first, count, cut)
        yield seen, kept
        first = seen.start + kept.stop


def compute_in_slabs(
    compute: Callable[[slice, slice], None], count: int, cut: Cut, device: torch.device, size: str
) -> None:
    """Compute slab by slab; when memory runs out, in smaller ones from there on.

    Args:
        compute: takes which slices (rows, columns) to see, and which of these to keep.
        count: of them.
        cut: into slabs.
        device: that computes.
        size: of the volume, for messages.

    Raises:
        MemoryError: the smallest slab does not fit; says how much was asked for.
    """

    def done(seen: slice, kept: slice) -> bool:
        return_freed_memory()  # of other sizes than what a slab asks for
        compute(seen, kept)
        return True

    first = 0
    while first < count:
        seen, kept = _slab_from(first, count, cut)
        fitted, shortage = attempt(partial(done, seen, kept), device)
        if fitted:
            first = seen.start + kept.stop
            continue
        slab = _smaller_slab(first, count, cut._replace(slab=min(cut.slab, kept.stop - kept.start)))
        if not slab:
            raise out_of_memory(f"{seen.stop - seen.start} of {count} {_NAMES[cut.axis]} of {size}", device, shortage)
        logger.warning("%s is out of memory: going on in slabs of %d %s", device, slab, _NAMES[cut.axis])
        cut = cut._replace(slab=slab)


def _slab_from(first: int, count: int, cut: Cut) -> tuple[slice, slice]:
    """Which slices are seen at once when all before `first` are done, and which of these to keep."""
    end = first + cut.slab + (0 if first else cut.reach)  # the first slab overlaps on one side alone
    if end >= count - cut.reach:
        end = count
    seen = slice(max(0, first - cut.reach), min(end + cut.reach, count))
    return seen, slice(first - seen.start, end - seen.start)


def _smaller_slab(first: int, count: int, cut: Cut) -> int:
    """Half of a slab that did not fit, or less where half would see the same slices; 0 where none sees fewer."""
    seen, slab = _slab_from(first, count, cut)[0], cut.slab
    while slab > 1:
        slab //= 2
        if _slab_from(first, count, cut._replace(slab=slab))[0] != seen:
            return slab
    return 0
