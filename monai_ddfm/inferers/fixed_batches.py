# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The network's batches on a CPU, of a size and on a thread that nothing changes, so that they always round alike."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from monai_ddfm.blocks import for_each

__all__ = ["fewest_images", "in_fixed_batches"]

_PIXELS = 2**16  # of a batch: one picture of 256 x 256; small images take twice as long one by one
_MOST = 8


def fewest_images(images: Tensor) -> int:
    """Return how many images ``[..., H, W]`` keep all threads of a CPU busy; asking about fewer takes as long."""
    if images.device.type != "cpu":
        return 1
    return _images_per_batch(images) * torch.get_num_threads()


def in_fixed_batches(predict: Callable[..., Tensor], images: Tensor, *values: Tensor) -> Tensor:
    """Apply `predict` to images, on a CPU each one's result to the bit what it is beside any others.

    oneDNN chooses kernels by the number of images and of threads, and they round differently: by 1e-7 in float32, by
    5e-3 of a network's answer in bfloat16. Here a batch of images of one size always has the same number, the last one
    is filled up with copies, and each is one thread's alone; so it matters neither what else is asked about, nor how
    many threads or processes there are. An accelerator is asked about all at once.

    Args:
        predict: maps ``[n, ...]``, and the values of the same images, to ``[n, ...]``, each image alone.
        images: all images, ``[N, C, H, W]``.
        *values: further arguments of `predict` that each image has its own of, ``[N, ...]``.
    """
    if images.device.type != "cpu":
        return predict(images, *values)
    size = _images_per_batch(images)
    batches = range(0, len(images), size)
    done = [images[:0]] * len(batches)

    def ask(first: int, _: bool) -> None:
        there = min(size, len(images) - first)
        rows = torch.arange(first, first + size).clamp_max(len(images) - 1)
        done[first // size] = predict(images[rows], *(value[rows] for value in values))[:there]

    for_each(batches, ask, images.device, alone=True)
    return torch.cat(done)


def _images_per_batch(images: Tensor) -> int:
    return min(_MOST, max(1, round(_PIXELS / max(1, images.shape[-2] * images.shape[-1]))))
