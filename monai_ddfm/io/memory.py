# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Is there memory for what a file says it holds? Asked before it is read. And what becomes of freed memory."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from pathlib import Path

__all__ = [
    "as_gib",
    "available_memory",
    "keep_freed_memory",
    "peak_resident",
    "require_memory",
    "resident",
    "return_freed_memory",
]

_PROC = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_MALLOPT = {-3: 2**30, -1: 2**29, -8: 1}  # of glibc's malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD (bytes), M_ARENA_MAX
_CGROUP_FILES = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def available_memory() -> int | None:
    """Return how many bytes this process may still take; None if nobody says.

    The least of what is left of the machine, of its control group, and of the process's own limit (``ulimit -v``).
    """
    rooms = []
    with suppress(OSError, ValueError, IndexError):
        line = next(line for line in _PROC.read_text().splitlines() if line.startswith("MemAvailable"))
        rooms.append(int(line.split()[1]) * 1024)
    for limit, used in _CGROUP_FILES:
        with suppress(OSError, ValueError):  # no such control group, or "max"
            rooms.append(int((_CGROUP / limit).read_text()) - int((_CGROUP / used).read_text()))
    with suppress(ImportError, OSError, ValueError, StopIteration):
        import resource  # not on Windows

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        if most != resource.RLIM_INFINITY:
            rooms.append(most - _own("VmSize"))
    if not rooms:
        with suppress(OSError, ValueError, AttributeError):
            rooms.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return max(0, min(rooms)) if rooms else None


def _own(name: str) -> int:
    """Bytes that Linux' account of this process has under that name."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024


def resident() -> int:
    """Return the resident memory of this process, in bytes; 0 where nobody says."""
    with suppress(OSError, ValueError, StopIteration):
        return _own("VmRSS")
    return 0


def peak_resident() -> int:
    """Return the largest resident memory of this process so far, in bytes; 0 where nobody says.

    From Linux' own account: what getrusage says begins at the memory of the process that started this one.
    """
    with suppress(OSError, ValueError, StopIteration):
        return _own("VmHWM")
    with suppress(ImportError):
        import resource  # not on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 0


def keep_freed_memory() -> None:
    """Let malloc keep what is freed for what is asked for next, up to half a GiB at the end of its heap.

    glibc gives a block of more than 32 MiB back to the system at once, and the next one of that size is made of fresh
    pages, each of which the kernel has to fault in and clear: a fifth of the time of a whole body. This holds for the
    whole process, so it is for commands to call, not for libraries. Without glibc nothing happens.
    """
    with suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _MALLOPT.items():
            mallopt(parameter, value)


def return_freed_memory() -> None:
    """Give what `keep_freed_memory` kept back to the system, between stages that have little in common."""
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def require_memory(needed: int, what: str) -> None:
    """Refuse to begin what cannot be finished.

    Args:
        needed: bytes.
        what: what needs them, with the file's name.

    Raises:
        MemoryError: that much is not free.
    """
    available = available_memory()
    if available is not None and needed > available:
        raise MemoryError(
            f"{what} needs {as_gib(needed)} of memory, {as_gib(available)} are free; crop or resample the image, check "
            "that its header is right, or use a machine with more memory"
        )


def as_gib(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count / 2**30:.1f} GiB"
