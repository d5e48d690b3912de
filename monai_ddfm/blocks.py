# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Volumes in blocks that stay in cache: what is temporary is as large as a block, and its memory is used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["by_blocks", "for_each", "on_one_thread", "spans"]

Block = TypeVar("Block")

_VOXELS = 2**18  # of a block: 1 MiB in float32, a few of which stay in the second cache of two cores


def spans(count: int, voxels_each: int, device: torch.device, at_least: int = 1) -> Iterator[tuple[int, int]]:
    """Yield first and end of runs of slices (rows, columns) that make a block; on an accelerator all are one block.

    Args:
        count: how many there are.
        voxels_each: size of one.
        device: where they lie.
        at_least: so many in a block, whatever their size.
    """
    step = max(1, count if device.type != "cpu" else max(at_least, _VOXELS // max(voxels_each, 1)))
    for first in range(0, count, step):
        yield first, min(first + step, count)


def for_each(
    blocks: Sequence[Block], work: Callable[[Block, bool], None], device: torch.device, alone: bool = False
) -> None:
    """Work on blocks, on a CPU on as many of them at once as torch has threads.

    A block is too small for several threads to share: they would wait for each other at every operation. So each
    thread of ours takes a run of neighbouring blocks, in order, and torch computes in it alone. When one fails, or the
    user interrupts, the others end with the block they are at.

    Args:
        blocks: what `work` is given, one after the other.
        work: called with a block, and whether it is the first of a run: what blocks before it do may not be done yet.
        device: where the blocks lie.
        alone: leave a block to one thread also where it is the only one: kernels that round by the number of threads
            then round as they do among many.
    """
    before = torch.get_num_threads()
    threads = min(before, len(blocks)) if device.type == "cpu" else 0  # an accelerator is asked from this thread
    stopped = Event()
    inference, gradients = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    def work_through(run: Sequence[Block]) -> None:
        with torch.inference_mode(inference), torch.set_grad_enabled(gradients):  # which a thread does not inherit
            for index, block in enumerate(run):
                if stopped.is_set():
                    return
                work(block, index == 0)

    if threads < 2 and not (alone and 0 < threads < before):
        work_through(blocks)
        return
    edges = [round(thread * len(blocks) / threads) for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        runs = [blocks[first:end] for first, end in pairwise(edges)]
        try:
            list(pool.map(work_through, runs))
        finally:
            stopped.set()
            torch.set_num_threads(before)  # what threads that are yet to start will take


def on_one_thread(compute: Callable[[], Tensor], device: torch.device) -> Tensor:
    """Return what is computed, on a CPU on one thread: products of matrices and sums over all round by their number."""
    answers: list[Tensor] = []
    for_each([compute], lambda block, _: answers.append(block()), device, alone=True)
    return answers[0]


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
    blocks = list(spans(count, size, like.device, at_least=8 * halo))

    def parts_of(block: tuple[int, int]) -> list[Tensor]:
        first, end = block
        seen = max(0, first - halo)
        answer = compute(*(volume.narrow(axis, seen, min(end + halo, count) - seen) for volume in volumes))
        parts = [answer] if isinstance(answer, Tensor) else answer
        return [part.narrow(axis, first - seen, end - first) for part in parts]

    def put(block: tuple[int, int], _: bool) -> None:
        for part, whole in zip(parts_of(block), results, strict=True):
            whole.narrow(axis, block[0], block[1] - block[0]).copy_(part)

    if out is not None:
        results = list(out)
        for_each(blocks, put, like.device)
        return results
    results = parts_of(blocks[0]) if blocks else []  # which tells what results look like
    if len(blocks) > 1:
        begun = results
        results = [part.new_empty([*part.shape[:axis], count, *part.shape[axis + 1 :]]) for part in begun]
        for part, whole in zip(begun, results, strict=True):
            whole.narrow(axis, 0, part.shape[axis]).copy_(part)
        for_each(blocks[1:], put, like.device)
    return results
