# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""One run at a time in an output folder."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from monai_ddfm.io.atomic import make_folder

__all__ = ["locked_folder"]

_NAME = ".monai_ddfm.lock"


@contextmanager
def locked_folder(folder: str | Path) -> Iterator[None]:
    """Hold a folder, made when missing, against other runs; a run that was killed holds nothing.

    Raises:
        BlockingIOError: another run holds it; says which.
        OSError: the folder cannot be made or written.
    """
    folder = Path(folder)
    make_folder(folder)
    path = folder / _NAME
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            f"{folder}: {_holder(path)} is writing here; wait until it has ended, or give another output_dir"
        ) from None
    try:
        with suppress(OSError):  # where a locked file cannot be written, nobody learns who holds it
            path.write_text(f"process {os.getpid()} on {socket.gethostname()} since {datetime.now():%Y-%m-%d %H:%M:%S}")
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        lock.release()


def _holder(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text() or "another run"
    return "another run"
