# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fewer slices at once when the device runs out of memory, and how many to begin with."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from monai_ddfm.inferers.fixed_batches import fewest_images

__all__ = [
    "attempt",
    "free_memory",
    "halving",
    "halving_batches",
    "images_at_once",
    "is_out_of_memory",
    "out_of_memory",
    "size_of",
]

logger = logging.getLogger(__name__)
_SAID_BY_ALLOCATORS = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")
_ASKED_FOR = re.compile(r"tried to allocate ([\d.]+) (bytes|[KMG]iB)", re.IGNORECASE)
_REMEDIES = "take an anchor with fewer voxels, crop or resample the volumes, or use a machine with more memory"

_IMAGES = 64  # of which each thread of a CPU has one to eight before it, see `in_fixed_batches`
_PIXELS_ON_GPU = 2**24  # 240 slices of 256 x 256 at once: 1.7 times as fast as 8 at once on an H200
_BYTES_PER_PIXEL = 512  # of the shipped network in bfloat16 (8 GB then); batches of larger networks are halved

Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory was short, of a GPU or of the host."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID_BY_ALLOCATORS)


def attempt(compute: Callable[[], Result], device: torch.device) -> tuple[Result | None, str]:
    """Return what `compute` returns; or, where memory was short, None and what the allocator said.

    The error is gone when this returns, and with it the frames that held the memory.
    """
    try:
        return compute(), ""
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        shortage = str(error) or type(error).__name__
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return None, shortage


def halving(
    compute: Callable[[int, int], Result], count: int, at_once: int, device: torch.device, what: str
) -> tuple[list[Result], int]:
    """Compute so many items at once; when memory runs out, half as many, and go on.

    Args:
        compute: from the first item to the one before the last.
        count: of all items.
        at_once: how many, to begin with.
        device: that computes.
        what: a single item, for messages, such as ``slice of 8x8``.

    Returns:
        the results in order, and how many at once fitted, to begin with next time.

    Raises:
        MemoryError: a single item does not fit; says how much was asked for.
    """
    done: list[Result] = []
    first = 0
    while first < count:
        last = min(first + at_once, count)
        result, shortage = attempt(lambda first=first, last=last: compute(first, last), device)  # type: ignore[misc] # bound now
        if result is not None:
            done.append(result)
            first = last
        elif last - first == 1:
            raise out_of_memory(f"a single {what}", device, shortage)
        else:
            at_once = (last - first) // 2
            logger.warning("%s is out of memory: going on with %d at once, each a %s", device, at_once, what)
    return done, at_once


def halving_batches(
    predict: Callable[..., Tensor], images: Tensor, images_per_batch: int, *values: Tensor
) -> tuple[Tensor, int]:
    """Apply `predict` to batches of images; when memory runs out, halve the batches and go on.

    Args:
        predict: maps ``[n, ...]``, and the values of the same images, to ``[n, ...]``, each image alone.
        images: all images, ``[N, ...]``.
        images_per_batch: how many at once, to begin with.
        *values: further arguments of `predict` that each image has its own of, ``[N, ...]``.

    Returns:
        the results ``[N, ...]``, and the number of images per batch that fitted, to begin with next time.

    Raises:
        MemoryError: a single image does not fit; says how much was asked for.
    """

    def batch(first: int, last: int) -> Tensor:
        return predict(images[first:last], *(value[first:last] for value in values))

    done, fitted = halving(batch, len(images), images_per_batch, images.device, f"slice of {size_of(images)}")
    return torch.cat(done), fitted


def images_at_once(images: Tensor, wanted: int | None = None) -> int:
    """Return how many images ``[..., H, W]`` to show the network at once: so many as are wanted, where somebody says.

    On a CPU at least as many as its threads take together, since fewer take as long.
    A GPU is only busy with many: of 256 x 256 pixels 256, or as many as half of its free memory holds.
    """
    if wanted is not None or images.device.type != "cuda":
        return max(wanted or _IMAGES, fewest_images(images))
    pixels = min(_PIXELS_ON_GPU, free_memory(images.device) // 2 // _BYTES_PER_PIXEL)
    return max(1, pixels // max(1, images.shape[-2] * images.shape[-1]))


def free_memory(device: torch.device) -> int:
    """Bytes that are left on a GPU, those included that torch keeps for itself."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def out_of_memory(what: str, device: torch.device, shortage: str) -> MemoryError:
    """Return the error of what cannot be made smaller: how much it asked for, of how much there is, and what to do.

    Args:
        what: that did not fit.
        device: whose memory was short.
        shortage: what the allocator said.
    """
    if shortage.startswith("not enough memory"):  # of a part of it, said already
        return MemoryError(shortage)
    asked = _ASKED_FOR.search(shortage)
    needed = f"its last request was for {_readable(*asked.groups())} more" if asked else shortage.splitlines()[0]
    there = ""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        peak = torch.cuda.max_memory_allocated(device)
        there = f", on top of {peak / 2**30:.2f} GiB, while {free / 2**30:.2f} of {total / 2**30:.2f} GiB are free"
    return MemoryError(f"not enough memory on {device} for {what}: {needed}{there}; {_REMEDIES}")


def size_of(images: Tensor) -> str:
    """Return height and width for messages."""
    return "x".join(str(side) for side in images.shape[-2:])


def _readable(number: str, unit: str) -> str:
    return f"{float(number) / 2**30:.2f} GiB" if unit == "bytes" else f"{number} {unit}"
