# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fewer slices at once when the device runs out of memory."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["halving_batches", "is_out_of_memory"]

logger = logging.getLogger(__name__)
_SAID_BY_ALLOCATORS = ("out of memory", "not enough memory", "can't allocate memory", "ALLOC_FAILED")
_ASKED_FOR = re.compile(r"[Tt]ried to allocate ([\d.]+) (bytes|[KMG]iB)")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory was short, of a GPU or of the host."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID_BY_ALLOCATORS)


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
    done: list[Tensor] = []
    first = 0
    while first < len(images):
        shortage: str | None = None
        try:
            batch = slice(first, first + images_per_batch)
            done.append(predict(images[batch], *(value[batch] for value in values)))
            first += images_per_batch
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            shortage = str(error)
        if shortage is not None:  # outside of the except clause, where the error's frames still hold the memory
            if images_per_batch == 1:
                raise MemoryError(_what_one_needs(images, shortage))
            images_per_batch = min(images_per_batch, len(images) - first) // 2 or 1
            logger.warning("%s is out of memory: going on with %d slices at once", images.device, images_per_batch)
            if images.device.type == "cuda":
                torch.cuda.empty_cache()
    return torch.cat(done), images_per_batch


def _what_one_needs(images: Tensor, shortage: str) -> str:
    """Say how much memory a single image asks for, of how much there is."""
    size = "x".join(str(side) for side in images.shape[-2:])
    asked = _ASKED_FOR.search(shortage)
    needed = f"its last request was for {_readable(*asked.groups())} more" if asked else shortage.splitlines()[0]
    there = ""
    if images.device.type == "cuda":
        free, total = torch.cuda.mem_get_info(images.device)
        peak = torch.cuda.max_memory_allocated(images.device)
        there = f", on top of {peak / 2**30:.2f} GiB, while {free / 2**30:.2f} of {total / 2**30:.2f} GiB are free"
    return (
        f"not enough memory on {images.device} for a single slice of {size}: {needed}{there}; use a smaller prior, "
        "crop the volumes, or choose a device with more memory"
    )


def _readable(number: str, unit: str) -> str:
    return f"{float(number) / 2**30:.2f} GiB" if unit == "bytes" else f"{number} {unit}"
