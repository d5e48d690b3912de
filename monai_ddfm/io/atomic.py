# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Files and folders that appear under their names whole, or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["atomic_file", "atomic_folder", "make_folder", "partial_path", "remove_partial", "require_free"]


def require_free(target: Path, overwrite: bool) -> None:
    """Refuse a target that exists, unless it may be overwritten.

    Raises:
        FileExistsError: it exists and `overwrite` is False.
    """
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target}: exists already and is kept; write elsewhere, or ask to overwrite")


def partial_path(target: Path) -> Path:
    """Return where a target is made until it is whole: beside it, with the same ending, hidden."""
    return target.with_name(f".partial-{uuid.uuid4().hex[:8]}-{target.name}")


def remove_partial(folder: Path, names: Iterable[str]) -> None:
    """Remove the temporary files and folders that killed writers of files of these names left in a folder.

    Nobody may be writing them. The folder is read once, whatever the number of names.
    """
    killed = re.compile(rf"\.partial-[0-9a-f]{{8}}-({'|'.join(map(re.escape, names))})")  # as `partial_path` has it
    for left in [path for path in folder.glob(".partial-*") if killed.fullmatch(path.name)]:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make an output folder and its parents.

    Raises:
        OSError: it cannot be made, or not be written in.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"{folder}: cannot make this output folder ({error.strerror}); choose another") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder}: no permission to write in this output folder; choose another")


@contextmanager
def _saying_what_happened(target: Path) -> Iterator[None]:
    """Let the two things that can happen to a folder while it is written be said in words that help."""
    try:
        yield
    except OSError as error:
        if not target.parent.is_dir():
            said = "its folder was removed while it was written; leave the folder to the run, and run again"
            raise FileNotFoundError(errno.ENOENT, said, str(target)) from error
        if error.errno == errno.ENOSPC:
            said = "no space left on this disk; free some, or choose another output_dir"
            raise OSError(errno.ENOSPC, said, str(target)) from error
        raise


@contextmanager
def atomic_file(target: str | Path, overwrite: bool = False, sole_writer: bool = False) -> Iterator[Path]:
    """Give a temporary path to write a file to; rename it to `target` if nothing went wrong.

    A failed write leaves nothing behind, a killed one at most a file whose name begins with ``.partial-``.

    Args:
        target: the file; its folder is made too.
        overwrite: replace a file of that name.
        sole_writer: nobody else writes this file now, so what a killed writer left of it can go.

    Raises:
        FileExistsError: `target` exists and `overwrite` is False.
        OSError: the folder cannot be made or written, or is removed meanwhile, or the disk is full.
    """
    target = Path(target)
    require_free(target, overwrite)
    make_folder(target.parent)
    if sole_writer:
        remove_partial(target.parent, [target.name])
    partial = partial_path(target)
    try:
        with _saying_what_happened(target):
            yield partial
            os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: str | Path, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder to fill; rename it to `target` if nothing went wrong.

    A folder that is replaced is only removed after the new one stands in its place.

    Args:
        target: the folder; its parents are made too.
        overwrite: replace a folder of that name.

    Raises:
        FileExistsError: `target` exists and `overwrite` is False.
        OSError: the parent cannot be made or written, or is removed meanwhile, or the disk is full.
    """
    target = Path(target)
    require_free(target, overwrite)
    make_folder(target.parent)
    partial, old = partial_path(target), partial_path(target)
    try:
        with _saying_what_happened(target):
            partial.mkdir()
            yield partial
            if target.exists():
                target.rename(old)
            try:
                partial.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
