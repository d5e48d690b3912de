# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The device that is computed on, and the threads of a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["available_device", "threads_at_work"]


def available_device(name: str) -> torch.device:
    """Return the device of that name, after making sure that it is there.

    Args:
        name: as `torch.device` has it, or ``auto`` for a GPU where there is one, else the CPU.

    Raises:
        ValueError: no such kind of device, or not so many of them here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"device: found {name!r}, expected auto, cpu, cuda or cuda:0") from error
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise ValueError(
                f"device {device}: there is no such GPU, {count} can be used here; give --device cpu, or "
                "install a CUDA build of torch and check nvidia-smi"
            )
    elif device.type == "meta":
        raise ValueError(f"device: found {name!r}, which computes nothing; expected auto, cpu, cuda or cuda:0")
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(f"device {device}: not available here; give --device cpu")
    return device


@contextmanager
def threads_at_work(count: int | None) -> Iterator[None]:
    """Let torch compute on so many threads of the CPU, and afterwards on as many as before; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
