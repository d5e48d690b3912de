# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fusing only the box around a volume's foreground."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from monai_ddfm.foreground import foreground_box

__all__ = ["MARGIN", "ForegroundCrop"]

MARGIN = 16  # pixels around foreground: as far as the rectifier's windows reach
_EMPTY = -1.0


class ForegroundCrop:
    """The box around the foreground of slices ``[D, K, H, W]``, with a margin on all four sides.

    `cut` ends where the image does. `complete` adds the rest of the margin as background, for the rectifier's windows:
    what they see of a body does not depend on how much empty space was kept, or padded, around it.

    Args:
        sources: slices, some with foreground.
        margin: pixels; None takes the whole image as it is.
        beyond: complete the margin beyond the image; not for a prior that looks from the sides, which would be asked
            about planes of nothing.
    """

    def __init__(self, sources: Tensor, margin: int | None, beyond: bool = True) -> None:
        size = sources.shape[-2:]
        box = (slice(0, size[0]), slice(0, size[1])) if margin is None else foreground_box(sources, 0)
        margin = margin or 0
        wanted = [(side.start - margin, side.stop + margin) for side in box]
        self.box = tuple(slice(max(0, a), min(n, b)) for (a, b), n in zip(wanted, size, strict=True))
        ends = [(max(0, -a), max(0, b - n)) for (a, b), n in zip(wanted, size, strict=True)]
        self.beyond = ends if beyond else [(0, 0), (0, 0)]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a completed box."""
        height, width = (side.stop - side.start + sum(ends) for side, ends in zip(self.box, self.beyond, strict=True))
        return height, width

    def cut(self, slices: Tensor) -> Tensor:
        """Return the box of slices ``[n, C, H, W]``."""
        return slices[..., self.box[0], self.box[1]]

    def complete(self, cut: Tensor) -> Tensor:
        """Return a cut box with the part of its margin that lies beyond the image."""
        return _padded(cut, self.beyond)

    def part(self, cut: Tensor, axis: int, seen: slice) -> Tensor:
        """Return some slices (axis 0), rows (2) or columns (3) of a completed box, without the memory of all of it."""
        if axis == 0:
            return self.complete(cut[seen])
        ends, (before, _), size = list(self.beyond), self.beyond[axis - 2], cut.shape[axis]
        first = min(max(0, seen.start - before), size)
        last = max(first, min(seen.stop - before, size))
        ends[axis - 2] = max(0, min(seen.stop, before) - seen.start), max(0, seen.stop - max(seen.start, before + size))
        return _padded(cut.narrow(axis, first, last - first), ends)

    def put_back(self, part: Tensor, whole: Tensor, slice_indices: list[int], corner: tuple[int, int] = (0, 0)) -> None:
        """Write a part of the completed box of fused slices into their volume.

        Args:
            part: ``[n, C, h, w]``.
            whole: ``[D, C, H, W]``.
            slice_indices: of the part.
            corner: row and column of the completed box at which the part begins.
        """
        inside, places = [], []
        for side, (before, _), first, size in zip(self.box, self.beyond, corner, part.shape[-2:], strict=True):
            begin = side.start - before + first
            place = slice(max(begin, side.start), min(begin + size, side.stop))
            inside.append(slice(place.start - begin, max(place.start, place.stop) - begin))
            places.append(slice(place.start, max(place.start, place.stop)))
        whole[slice_indices, :, places[0], places[1]] = part[..., inside[0], inside[1]]


def _padded(cut: Tensor, ends: Sequence[tuple[int, int]]) -> Tensor:
    (top, bottom), (left, right) = ends
    return F.pad(cut, (left, right, top, bottom), value=_EMPTY) if top + bottom + left + right else cut
