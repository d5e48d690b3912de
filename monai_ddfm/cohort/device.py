# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The device and the share of the machine's cores that a process works on."""

from __future__ import annotations

import os

import torch

__all__ = ["check_device", "local_device", "threads_per_process"]


def check_device(device: torch.device | str) -> torch.device:
    """Return `device`, after making sure that it is there.

    Raises:
        ValueError: no such kind of device, or not so many of them here.
    """
    try:
        device = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device {device!r}: not a device; give cpu, cuda or cuda:0") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(
                f"device {device}: there is no such GPU, {count} can be used here; give --device cpu, or "
                "install a CUDA build of torch and check nvidia-smi"
            )
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {device}: not available here; give --device cpu")
    return device


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
