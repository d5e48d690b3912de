# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The device and the share of the machine's cores that a process works on."""

from __future__ import annotations

import os

import torch

__all__ = ["local_device", "threads_per_process"]


def local_device() -> torch.device:
    """Return the device of one of several processes: GPU number ``LOCAL_RANK``, or the CPU where there is none.

    Raises:
        ValueError: more processes on this machine than GPUs.
    """
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local_rank, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local_rank >= count:
        raise ValueError(
            f"process {local_rank} of this machine finds only {count} GPUs; start at most --nproc_per_node {count}"
        )
    return torch.device("cuda", local_rank)


def threads_per_process() -> int:
    """Return this process's share of the cores it may run on, at least 1, for processes started by torchrun."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
