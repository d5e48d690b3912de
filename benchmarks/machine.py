# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The machine a benchmark runs on: what it is, how fast it can multiply, and how fast its memory is."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch

from monai_ddfm.io import memory

__all__ = ["bandwidth", "describe_machine", "peak_flops", "peak_resident", "seconds_of"]

_SIDE = {"cpu": 2048, "cuda": 8192}
_TRIAD_FLOATS = 2**26  # 256 MiB an array, far beyond any cache


def describe_machine(device: torch.device) -> str:
    """One line: processor, cores in use, GPU, load, versions."""
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), processor)
    parts = [processor, f"{os.cpu_count()} cores", f"{torch.get_num_threads()} threads"]
    if device.type == "cuda":
        parts.append(torch.cuda.get_device_name(device))
    return ", ".join([*parts, f"load {os.getloadavg()[0]:.1f}", f"torch {torch.__version__}"])


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Wall seconds of `work`, until the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def peak_resident() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    return memory.peak_resident() / 2**20


def peak_flops(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> float:
    """Operations per second of the best of some large matrix products: what the machine can reach."""
    side = _SIDE[device.type]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    left @ right
    return 2.0 * side**3 / min(seconds_of(lambda: left @ right, device) for _ in range(repeats))


def bandwidth(device: torch.device, repeats: int = 5) -> float:
    """Bytes per second of the best of some triads a = b + 3 c (STREAM's): two arrays read, one written."""
    a, b, c = (torch.rand(_TRIAD_FLOATS, device=device) for _ in range(3))
    best = min(seconds_of(lambda: torch.add(b, c, alpha=3.0, out=a), device) for _ in range(repeats))
    return 3.0 * a.nbytes / best
