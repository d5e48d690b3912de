# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The device that is computed on."""

from __future__ import annotations

import torch

__all__ = ["available_device"]


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
