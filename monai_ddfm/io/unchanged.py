# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Files must stay as they are while they are read: else what was read is not what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["unchanged"]

_Stamp = tuple[int, int, int, int]


def _stamps(files: Callable[[], list[Path]]) -> dict[Path, _Stamp | None]:
    return {path: _stamp(path) for path in files()}


def _stamp(path: Path) -> _Stamp | None:
    """Size, inode, and times of change, which no writer can set back; None where there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns


@contextmanager
def unchanged(files: Callable[[], list[Path]]) -> Iterator[None]:
    """Require that files are the same after what is done inside as before.

    Args:
        files: lists them; asked before and after, so that new files are seen.

    Raises:
        ValueError: one was replaced, written, added or removed meanwhile; an error of what is done inside goes first.
    """
    before = _stamps(files)
    yield
    after = _stamps(files)
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            raise ValueError(f"{path}: changed while it was read; wait until nobody writes it, and run again")
