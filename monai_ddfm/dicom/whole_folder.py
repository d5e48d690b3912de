# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Folders and files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["require_free", "whole_file", "whole_folder"]


def require_free(target: Path, overwrite: bool) -> None:
    """Refuse a target that exists, unless it may be overwritten.

    Raises:
        FileExistsError: it exists and `overwrite` is False.
    """
    if target.exists() and not overwrite:
        raise FileExistsError(
            f"{target} exists already and is kept; choose another place, remove it, or pass overwrite=True"
        )


@contextmanager
def whole_folder(target: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Fill a folder so that it appears whole or not at all.

    The caller writes into the temporary folder it is handed, which lies beside `target`. It is renamed to `target` when
    the block ends well and removed when the block raises; an overwritten folder is only removed after the rename.

    Args:
        target: the folder to make; its parents are made too.
        overwrite: replace a folder of that name.

    Raises:
        FileExistsError: `target` exists and `overwrite` is False.
    """
    target = Path(target)
    require_free(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        filled = workplace / "new"
        filled.mkdir()
        yield filled
        if target.exists():
            target.rename(workplace / "old")
        try:
            filled.rename(target)
        except OSError:
            if (workplace / "old").exists():
                (workplace / "old").rename(target)
            raise
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


@contextmanager
def whole_file(target: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Write a file so that it appears whole or not at all; the caller writes to the path it is handed.

    Args:
        target: the file to make; its folder is made too.
        overwrite: replace a file of that name.

    Raises:
        FileExistsError: `target` exists and `overwrite` is False.
    """
    target = Path(target)
    require_free(target, overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        written.chmod(0o666 & ~_umask())
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
