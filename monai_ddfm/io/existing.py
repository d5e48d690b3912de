# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Files that should be there, and in what way they are not."""

from __future__ import annotations

from pathlib import Path

__all__ = ["absence", "require_existing"]


def absence(path: str | Path) -> str | None:
    """Say why a path leads to nothing that can be read: None for a file or a folder."""
    path = Path(path)
    if path.is_file() or path.is_dir():
        return None
    if path.exists():  # it would be waited for without end
        return "neither a file nor a folder; write what it gives into a file"
    if path.is_symlink():
        return f"a link to {path.readlink()}, which does not exist; fetch that file, or mend the link"
    return "no such file"


def require_existing(path: str | Path) -> None:
    """Refuse a path that leads to nothing.

    Raises:
        FileNotFoundError: says whether it is not there, or a link that leads nowhere.
    """
    if (reason := absence(path)) is not None:
        raise FileNotFoundError(f"{path}: {reason}")
